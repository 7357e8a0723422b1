"""The predictions table: one row a sample, all that statistics need.

Columns: `sample_id, patient_id, exam_id, laterality, split, fold, label`; `logit` and `probability` of the
positive class for two classes, `logit_0, …, probability_0, …` for more. `fold` is the one that the run tests
on, in its validation rows too, and null outside of a cross-validation; `label` is null where unknown. Of
several members that were averaged there are `disagreement` and `mutual_information` as well.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.errors import UserError
from bcdl.evaluation.levels import probability_columns
from bcdl.metrics import Values, as_array, to_probabilities

DISAGREEMENT, MUTUAL_INFORMATION = "disagreement", "mutual_information"
_KEYS = ["sample_id", "patient_id", "exam_id", "laterality", "split"]


def predictions_table(
    samples: pd.DataFrame, index: Values, logits: Values, fold: int | None = None
) -> pd.DataFrame:
    """Join what a model said to the samples that it saw.

    Args:
        samples: the sample table; of two classes, label 1 is the positive one.
        index: `(N,)` rows of the sample table; a row that comes twice counts once, the first time.
        logits: `(N,)` of the positive class, or `(N, K)`.
        fold: the fold that is tested on (`data.fold`); None outside of a cross-validation.

    Returns:
        The table in the order of the sample table.
    """
    rows, first = np.unique(as_array(index).astype(np.int64), return_index=True)
    scores = as_array(logits)[first]
    known = samples.iloc[rows].reset_index(drop=True)
    return pd.DataFrame(
        {
            **{name: known[name] for name in _KEYS},
            "fold": pd.array([fold] * len(rows), dtype="Int64"),
            "label": known["label"].astype("Int64"),
            **_columns("logit", scores),
            **_columns("probability", to_probabilities(scores)),
        }
    )


def write_predictions(table: pd.DataFrame, path: Path | str) -> None:
    """Write a predictions table as Parquet."""
    table.to_parquet(path, index=False)


def read_predictions(path: Path | str) -> pd.DataFrame:
    """Read a predictions table.

    Raises:
        UserError: if the file is missing, is no Parquet, or lacks a column.
    """
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UserError(f"expected a predictions table (Parquet) at {path}: {error}") from error
    missing = [name for name in [*_KEYS, "fold", "label"] if name not in table]
    if missing or not probability_columns(table):
        raise UserError(
            f"expected the columns {', '.join(_KEYS)}, fold, label and probability in {path}, "
            f"found {', '.join(table.columns)}"
        )
    return table


def labels(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return the labels `(N,)`, -1 where unlabelled."""
    return np.asarray(table["label"].astype("Int64").fillna(-1), dtype=np.int64)


def logits(table: pd.DataFrame) -> NDArray[np.float64]:
    """Return the logits as `(N,)` for two classes, `(N, K)` for more."""
    values = table[[name for name in table.columns if name.split("_")[0] == "logit"]].to_numpy(np.float64)
    return values[:, 0] if values.shape[1] == 1 else values


def _columns(name: str, values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    return (
        {name: values} if values.ndim == 1 else {f"{name}_{k}": column for k, column in enumerate(values.T)}
    )
