"""What turns a run's logits into probabilities and decisions, of samples and of patients."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.errors import UserError
from bcdl.evaluation import Rule, aggregate, fitted_rule, resolve_threshold
from bcdl.evaluation.levels import probabilities
from bcdl.evaluation.predictions import labels, logits
from bcdl.notebook import Run
from bcdl.stats import Calibrator, Goal

_PATIENT = "patient"


@dataclass(frozen=True)
class Rules:
    """What was fitted on a run's validation samples.

    Attributes:
        calibrator: makes probabilities of logits.
        threshold: probability from which a sample of two classes counts as positive; None of K classes.
        rule: joins a patient's samples.
        patient_threshold: the same for patients.
        origin: where the thresholds come from.
    """

    calibrator: Calibrator
    threshold: float | None
    rule: Rule
    patient_threshold: float | None
    origin: str


def rules_of(run: Run, unit: str, num_classes: int, operating_point: str | float | None) -> Rules:
    """Return the rules of a run, fitted as `bcdl evaluate` fits them.

    Args:
        run: the run.
        unit: what a sample is.
        num_classes: how many classes there are.
        operating_point: a goal such as `sensitivity=0.9`, or a probability; None takes the run's threshold.

    Raises:
        UserError: the goal is none, or the validation samples do not define it.
    """
    calibrator, settings = run.calibrator, run.judged_by
    validation = run.predictions.query("split == 'val'")
    validation = with_shares(validation, calibrator(logits(validation)))
    rule = Rule() if unit == _PATIENT else fitted_rule(settings.aggregate, validation, _PATIENT)
    patients = validation if unit == _PATIENT else aggregate(validation, _PATIENT, rule)
    if num_classes > 2:
        if operating_point is not None:
            raise UserError(
                f"operating_point={operating_point} is for two classes, and there are {num_classes}: the "
                "most probable one is decided for; leave it out"
            )
        return Rules(calibrator, None, rule, None, "the most probable class")
    if operating_point is None:
        own = run.metrics["threshold"]
        cut = own if unit == _PATIENT else resolve_threshold(settings.threshold, patients)
        return Rules(calibrator, own, rule, cut, f"the run's evaluate.threshold={settings.threshold}")
    if isinstance(operating_point, int | float):
        cut = resolve_threshold(operating_point, patients)
        return Rules(calibrator, cut, rule, cut, f"operating_point={operating_point}, not fitted")
    goal = Goal.of(operating_point)
    cuts = [_fitted(goal, each) for each in (validation, patients)]
    return Rules(calibrator, cuts[0], rule, cuts[1], f"{goal} on the run's validation samples")


def with_shares(table: pd.DataFrame, shares: NDArray[np.float64]) -> pd.DataFrame:
    """Return a predictions table with these probabilities, (N,) or (N, K)."""
    columns = share_columns(shares)
    return table.assign(**dict(zip(columns, shares.reshape(len(table), len(columns)).T, strict=True)))


def share_columns(shares: NDArray[np.float64]) -> list[str]:
    """Return the names of the columns of probabilities in a predictions table."""
    return ["probability"] if shares.ndim == 1 else [f"probability_{k}" for k in range(shares.shape[1])]


def _fitted(goal: Goal, table: pd.DataFrame) -> float:
    known = table[table["label"].notna()]
    cut = goal.fit(labels(known), probabilities(known)) if len(known) else float("nan")
    if np.isnan(cut):
        raise UserError(
            f"operating_point={goal} needs positive and negative validation samples, and the run has "
            f"{int((known['label'] == 1).sum())} and {int((known['label'] == 0).sum())}; leave it out for "
            "the run's own threshold, or give a probability"
        )
    return cut
