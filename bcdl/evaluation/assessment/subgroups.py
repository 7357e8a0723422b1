"""The same metrics in parts of the judged samples, and whether the largest gap is more than chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.evaluation.assessment.engine import DECISION, LevelAssessment
from bcdl.evaluation.assessment.settings import Settings
from bcdl.evaluation.levels import probabilities
from bcdl.evaluation.predictions import labels
from bcdl.metrics.weighted import WeightedMetrics
from bcdl.stats import Drawn, bootstrap, holm
from bcdl.stats.resampling import Statistic

SHOWN = ("auroc", "sensitivity", "specificity")
GAP = "auroc"
MOST_GROUPS = 12  # values of a column; numbers with more become quarters
AGE_BANDS = (-np.inf, 40, 50, 60, 70, np.inf)
AGES = ("under 40", "40-49", "50-59", "60-69", "70 and over")
TOO_MANY = "{} has {} different values, more than {}: it makes no subgroups."
Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Subgroups:
    """Results in parts of the samples.

    Attributes:
        table: a row a subgroup: `column, group, samples, patients, positives, small`, and for each metric its
            value and `_ci_low, _ci_high`.
        gaps: a row a column with two large groups or more: `column, metric, highest, lowest, gap, ci_low,
            ci_high, p_value, p_holm`; corrected for all pairs of groups that were compared.
        notes: which columns make no subgroups, and why.
    """

    table: pd.DataFrame
    gaps: pd.DataFrame
    notes: tuple[str, ...]


def subgroups(level: LevelAssessment, columns: Sequence[str], settings: Settings) -> Subgroups:
    """Judge the samples of every value of some columns apart, at the one threshold of all.

    Args:
        level: judged predictions of two classes, whose table has the columns.
        columns: such as `density` or `age`; numbers become quarters, ages bands of ten years.
        settings: how; the draws are those of the level.
    """
    parts, notes = _parts(level.table, columns)
    if not parts:
        return Subgroups(pd.DataFrame(), pd.DataFrame(), tuple(notes))
    truth, shares = labels(level.table), probabilities(level.table)
    statistic = _statistic(truth, shares, level.thresholds[DECISION], list(parts.values()))
    drawn = bootstrap(statistic, level.patients, settings.draws, settings.seed)
    rows = [
        _row(level, key, rows, number, drawn, settings) for number, (key, rows) in enumerate(parts.items())
    ]
    table = pd.DataFrame(rows)
    return Subgroups(table, _gaps(table, drawn), tuple(notes))


def grouped(values: pd.Series) -> pd.Series:
    """Return the subgroup of each sample as text, null where unknown."""
    numbers = pd.to_numeric(values, errors="coerce")
    if values.name == "age":
        return pd.cut(numbers, AGE_BANDS, right=False, labels=list(AGES)).astype("string")
    if numbers.notna().sum() < values.notna().sum() or values.nunique() <= MOST_GROUPS:
        return values.astype("string")
    quarters = pd.qcut(numbers, 4, duplicates="drop")
    return quarters.map(lambda part: f"{part.left:.3g} to {part.right:.3g}").astype("string")


def _parts(table: pd.DataFrame, columns: Sequence[str]) -> tuple[dict[tuple[str, str], Rows], list[str]]:
    """Return the rows of each column's groups, in order, and why columns have none."""
    parts: dict[tuple[str, str], Rows] = {}
    notes = []
    for column in columns:
        groups = grouped(table[column])
        names = groups.dropna().unique()
        if len(names) > MOST_GROUPS:
            notes.append(TOO_MANY.format(column, len(names), MOST_GROUPS))
            continue
        ordered = [name for name in AGES if name in names] if column == "age" else sorted(names)
        if len(ordered) > 1:
            parts |= {(column, name): (groups == name).fillna(False).to_numpy(np.bool_) for name in ordered}
    return parts, notes


def _statistic(
    truth: NDArray[np.int64], shares: NDArray[np.float64], threshold: float, parts: list[Rows]
) -> Statistic:
    """Return all groups' metrics as one function of all samples' weights, so that groups share draws."""
    measured = [WeightedMetrics(truth[rows], shares[rows], threshold) for rows in parts]

    def of_all(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        found: dict[str, NDArray[np.float64]] = {}
        for number, (rows, metrics) in enumerate(zip(parts, measured, strict=True)):
            values = metrics(weights[:, rows])
            found |= {f"{number}/{name}": values[name] for name in SHOWN}
        return found

    return of_all


def _row(
    level: LevelAssessment,
    key: tuple[str, str],
    rows: Rows,
    number: int,
    drawn: dict[str, Drawn],
    settings: Settings,
) -> dict[str, object]:
    positives = int((labels(level.table)[rows] == 1).sum())
    few = min(positives, int(rows.sum()) - positives) < settings.least_cell
    counts = {"samples": int(rows.sum()), "patients": len(np.unique(level.patients[rows]))}
    values: dict[str, object] = {}
    for name in SHOWN:
        interval = drawn[f"{number}/{name}"].interval()
        values |= {name: interval.value, f"{name}_ci_low": interval.low, f"{name}_ci_high": interval.high}
    return {"column": key[0], "group": key[1], **counts, "positives": positives, "small": few, **values}


def _gaps(table: pd.DataFrame, drawn: dict[str, Drawn]) -> pd.DataFrame:
    """Test every pair of large groups of a column, and return each column's largest difference."""
    pairs = []
    for column, groups in table[~table["small"]].groupby("column", sort=False):
        for one, other in combinations(groups.sort_values(GAP, ascending=False).index, 2):
            test = drawn[f"{one}/{GAP}"].minus(drawn[f"{other}/{GAP}"])
            if test.difference is not None:
                ends = {
                    "gap": test.difference.value,
                    "ci_low": test.difference.low,
                    "ci_high": test.difference.high,
                }
                names = {"highest": table["group"][one], "lowest": table["group"][other]}
                pairs.append({"column": column, "metric": GAP, **names, **ends, "p_value": test.p_value})
    if not pairs:
        return pd.DataFrame()
    every = pd.DataFrame(pairs).assign(p_holm=lambda pairs: holm(pairs["p_value"].tolist()))
    return every.sort_values("gap", ascending=False).drop_duplicates("column").reset_index(drop=True)
