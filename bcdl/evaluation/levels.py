"""From samples to coarser levels: several predictions of one breast, exam or patient become one.

Levels aggregate upwards only; the label of a group is the maximum over its samples.
"""

import numpy as np
import pandas as pd

from bcdl.errors import UserError, nearest

RULES = ("mean", "max")
LEVELS = ("image", "breast", "exam", "patient")
_KEYS = {
    "breast": ["patient_id", "exam_id", "laterality"],
    "exam": ["patient_id", "exam_id"],
    "patient": ["patient_id"],
}


def coarser_levels(unit: str) -> tuple[str, ...]:
    """Return the levels above `unit`, finest first."""
    return LEVELS[LEVELS.index(unit) + 1 :]


def check_rule(rule: str) -> None:
    """Raise `UserError` unless `rule` is a rule of aggregation."""
    if rule not in RULES:
        hint = nearest(rule, RULES)
        raise UserError(f"expected evaluate.aggregate to be mean or max, found '{rule}'.{hint}")


def aggregate(predictions: pd.DataFrame, level: str, rule: str = "mean") -> pd.DataFrame:
    """Join the predictions of each breast, exam or patient into one row.

    Args:
        predictions: a predictions table, one row a sample.
        level: `breast`, `exam` or `patient`.
        rule: `mean` or `max` of the probabilities; K class probabilities are renormalised after `max`.

    Returns:
        A table with the level's key columns, `split`, `label` and the probability columns, one row a group.
    """
    columns = probability_columns(predictions)
    groups = predictions.groupby([*_KEYS[level], "split"], sort=False, dropna=False)
    joined = groups.agg({"label": "max", **dict.fromkeys(columns, rule)}).reset_index()
    if len(columns) > 1:
        joined[columns] = joined[columns].div(joined[columns].sum(axis=1), axis=0)
    return joined


def probability_columns(predictions: pd.DataFrame) -> list[str]:
    """Return `["probability"]` for two classes, `["probability_0", …]` for more."""
    return [name for name in predictions.columns if name.split("_")[0] == "probability"]


def probabilities(predictions: pd.DataFrame) -> np.ndarray:
    """Return the probabilities as `(N,)` for two classes, `(N, K)` for more."""
    values = predictions[probability_columns(predictions)].to_numpy(dtype=np.float64)
    return values[:, 0] if values.shape[1] == 1 else values
