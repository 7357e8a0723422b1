"""From samples to coarser levels: several predictions of one breast, exam or patient become one.

Levels aggregate upwards only; the label of a group is the maximum over its samples.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.evaluation.rules import Rule, check_rule, learnt_rule

LEVELS = ("image", "breast", "exam", "patient")
SAMPLE = "sample"  # of predictions from a file, which does not say what one is
_KEYS = {
    "breast": ["patient_id", "exam_id", "laterality"],
    "exam": ["patient_id", "exam_id"],
    "patient": ["patient_id"],
}


def coarser_levels(unit: str) -> tuple[str, ...]:
    """Return the levels above `unit`, finest first; above a `sample` all but images."""
    return LEVELS[1:] if unit == SAMPLE else LEVELS[LEVELS.index(unit) + 1 :]


def joining_levels(predictions: pd.DataFrame, unit: str) -> list[str]:
    """Return the levels above `unit` that the table knows of and that join any of its samples."""
    known = [level for level in coarser_levels(unit) if set(_KEYS[level]) <= set(predictions.columns)]
    return [level for level in known if predictions.duplicated([*_KEYS[level], "split"]).any()]


def aggregate(predictions: pd.DataFrame, level: str, rule: Rule | None = None) -> pd.DataFrame:
    """Join the predictions of each breast, exam or patient into one row.

    Args:
        predictions: a predictions table, one row a sample.
        level: `breast`, `exam` or `patient`.
        rule: how probabilities are joined; the mean unless given.

    Returns:
        A table with the level's key columns, `split`, `sample_id` (the key's parts joined by `/`), `label`
        and the probability columns, one row a group, in the order in which they first appear.

    Raises:
        UserError: the rule joins two classes alone, and there are more.
    """
    keys = [*_KEYS[level], "split"]
    groups = group_numbers(predictions, level)
    columns = probability_columns(predictions)
    joined = predictions.groupby(groups).agg({**dict.fromkeys(keys, "first"), "label": "max"})
    shares = (rule or Rule()).join(predictions[columns], groups)
    ids = joined[keys[:-1]].astype(str).agg("/".join, axis=1)
    return pd.concat([joined, shares], axis=1).assign(sample_id=ids).reset_index(drop=True)


def fitted_rule(name: str, validation: pd.DataFrame, level: str) -> Rule:
    """Return a rule of `evaluate.aggregate`, `learnt` with the weights that validation samples give it.

    Raises:
        UserError: it names none, or joins two classes alone, and there are more.
    """
    check_rule(name)
    if name != "learnt":
        return Rule(name)
    known = validation[validation["label"].notna()]
    shares = known[probability_columns(validation)]
    if shares.shape[1] > 1:
        Rule(name).join(shares, np.zeros(len(known), dtype=np.int64))  # says what joins more than two
    groups = group_numbers(known, level)
    labels = np.asarray(known["label"].groupby(groups).max(), dtype=np.int64)
    return learnt_rule(shares, groups, labels)


def group_numbers(predictions: pd.DataFrame, level: str) -> NDArray[np.int64]:
    """Number the groups of a level, in each split apart, as they first appear; one number a row."""
    groups = predictions.groupby([*_KEYS[level], "split"], sort=False, dropna=False)
    return groups.ngroup().to_numpy().astype(np.int64)


def probability_columns(predictions: pd.DataFrame) -> list[str]:
    """Return `["probability"]` for two classes, `["probability_0", …]` for more."""
    return [name for name in predictions.columns if name.split("_")[0] == "probability"]


def probabilities(predictions: pd.DataFrame) -> NDArray[np.float64]:
    """Return the probabilities as `(N,)` for two classes, `(N, K)` for more."""
    values = predictions[probability_columns(predictions)].to_numpy(dtype=np.float64)
    return values[:, 0] if values.shape[1] == 1 else values
