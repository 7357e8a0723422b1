"""Two readings of the same samples: what differs, tested in pairs."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bcdl.errors import UserError
from bcdl.evaluation.assessment.engine import DECISION, LevelAssessment
from bcdl.evaluation.assessment.statistic import slug
from bcdl.evaluation.levels import probabilities
from bcdl.evaluation.predictions import labels
from bcdl.metrics.decisions import predicted_classes
from bcdl.scores import METRICS
from bcdl.stats import Test, auroc_test, mcnemar

COMPARED = (*METRICS, "pf1", "partial_auroc", "ece")
_OF_LABEL = {"accuracy": None, "sensitivity": 1, "specificity": 0}


@dataclass(frozen=True)
class Comparison:
    """One metric of two readings, tested.

    Attributes:
        name: of the test and the metric, such as `delong_auroc`.
        metric: its name.
        first: its value in the first reading.
        second: in the second.
        test: what was tested; a difference is first - second.
    """

    name: str
    metric: str
    first: float
    second: float
    test: Test

    def facts(self) -> dict[str, object]:
        """Return it as JSON holds it."""
        return {"metric": self.metric, "first": self.first, "second": self.second, **self.test.facts()}


def paired_tests(first: LevelAssessment, second: LevelAssessment) -> list[Comparison]:
    """Test two readings of the same samples: by DeLong, by McNemar at each one's thresholds, by bootstrap.

    McNemar's test is that of the decisions and, at each operating point that both have, of those that its
    threshold makes: `mcnemar_sensitivity`, `mcnemar_youden/sensitivity`.

    Args:
        first: one reading, judged with the same draws as the other.
        second: the other.

    Raises:
        UserError: they are of different samples, or of different labels; with counts.
    """
    require_same_samples(first.table, second.table)
    if (first.patients != second.patients).any():
        raise UserError("a paired test needs the same patient_id of each sample in both; give it to both")
    tests = [
        _compared("bootstrap", first, second, name, first.drawn[name].minus(second.drawn[name]))
        for name in COMPARED
        if name in first.drawn and name in second.drawn
    ]
    if first.delong is None:
        return [_mcnemar(first, second, DECISION, "accuracy", None), *tests]
    one, other = (probabilities(level.table) for level in (first, second))
    areas = auroc_test(labels(first.table), one, other, first.patients)
    shared = [point for point in first.thresholds if point in second.thresholds]
    readings = [
        _mcnemar(first, second, point, name, label) for point in shared for name, label in _OF_LABEL.items()
    ]
    return [_compared("delong", first, second, "auroc", areas), *readings, *tests]


def require_same_samples(first: pd.DataFrame, second: pd.DataFrame) -> None:
    """Raise `UserError` unless two tables hold the same samples with the same labels."""
    ids = set(first["sample_id"]), set(second["sample_id"])
    shared = ids[0] & ids[1]
    if ids[0] != ids[1]:
        raise UserError(
            f"a paired test needs the same samples in both, found {len(shared)} in both, "
            f"{len(ids[0] - shared)} in the first alone and {len(ids[1] - shared)} in the second alone; "
            "judge both on the same test samples"
        )
    of_second = second.set_index("sample_id")["label"].loc[first["sample_id"]]
    differ = int((of_second.to_numpy() != first["label"].to_numpy()).sum())
    if differ:
        raise UserError(
            f"a paired test needs the same labels in both, found {differ} of {len(first)} samples with "
            "another; judge both against the same labels"
        )


def _compared(
    kind: str, first: LevelAssessment, second: LevelAssessment, metric: str, test: Test
) -> Comparison:
    values = first.drawn[metric].value, second.drawn[metric].value
    return Comparison(f"{kind}_{metric}", metric, *values, test)


def _mcnemar(
    first: LevelAssessment, second: LevelAssessment, point: str, name: str, label: int | None
) -> Comparison:
    """Test whether two readings are right equally often at a point, of all samples or those of one label."""
    truth = labels(first.table)
    chosen = np.ones(len(truth), dtype=np.bool_) if label is None else truth == label
    right = [
        predicted_classes(probabilities(level.table), level.thresholds[point])[chosen] == truth[chosen]
        for level in (first, second)
    ]
    metric = name if point == DECISION else f"{slug(point)}/{name}"
    shares = [float(each.mean()) if len(each) else float("nan") for each in right]
    return Comparison(f"mcnemar_{metric}", metric, shares[0], shares[1], mcnemar(right[0], right[1]))
