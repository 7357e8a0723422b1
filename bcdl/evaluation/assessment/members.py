"""The page's section on an ensemble: each member beside the whole, and the whole tested against one."""

from collections.abc import Mapping

import pandas as pd

from bcdl.evaluation.assessment.engine import (
    FITTED,
    Assessment,
    assess,
    with_probabilities,
)
from bcdl.evaluation.assessment.paired import Comparison, paired_tests
from bcdl.evaluation.assessment.section import Section
from bcdl.evaluation.assessment.settings import Settings
from bcdl.evaluation.summary import summarise

MEMBERS, TESTS = "members.csv", "ensemble_tests.csv"


def members_section(
    title: str,
    text: str,
    members: Mapping[str, pd.DataFrame],
    whole: pd.DataFrame,
    settings: Settings,
    *,
    unit: str,
    name: str,
    reference: str,
) -> Section:
    """Return the section, with the tables `members.csv` and `ensemble_tests.csv`.

    Args:
        title: its heading.
        text: how the whole was made.
        members: predictions tables by name, as the models gave them.
        whole: that of the ensemble, likewise.
        settings: how they are judged; each is calibrated on its own validation samples.
        unit: what a sample is.
        name: what the whole is called.
        reference: the member against which the whole is tested.
    """
    judged = {each: assess(table, unit, settings) for each, table in {**members, name: whole}.items()}
    rows = [_row(each, table, judged[each]) for each, table in {**members, name: whole}.items()]
    tests = paired_tests(judged[name].levels[0], judged[reference].levels[0])
    tested = pd.DataFrame([_test(each, name, reference) for each in tests])
    return Section(title, text, {MEMBERS: pd.DataFrame(rows), TESTS: tested})


def best_by_validation(members: Mapping[str, pd.DataFrame]) -> str:
    """Return the member of the highest AUROC on its own validation samples; without any the first."""
    scores = {name: _validation_auroc(table) for name, table in members.items()}
    known = {name: score for name, score in scores.items() if score == score}
    return max(known, key=lambda name: known[name]) if known else next(iter(members))


def _row(name: str, table: pd.DataFrame, judged: Assessment) -> dict[str, object]:
    auroc, brier = (judged.intervals[metric] for metric in ("auroc", "brier"))
    return {
        "member": name,
        "validation_auroc": _validation_auroc(with_probabilities(table, judged.calibrator)),
        "auroc": auroc.value,
        "auroc_ci_low": auroc.low,
        "auroc_ci_high": auroc.high,
        "brier": brier.value,
    }


def _validation_auroc(table: pd.DataFrame) -> float:
    known = table[(table["split"] == FITTED) & table["label"].notna()]
    return float("nan") if known.empty else summarise(known)[FITTED]["auroc"]


def _test(each: Comparison, name: str, reference: str) -> dict[str, object]:
    difference = each.test.difference
    low, high = (float("nan"),) * 2 if difference is None else (difference.low, difference.high)
    return {
        "test": each.test.name,
        "metric": each.metric,
        name: each.first,
        reference: each.second,
        "difference": each.first - each.second,
        "ci_low": low,
        "ci_high": high,
        "p_value": each.test.p_value,
    }
