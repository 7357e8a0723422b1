"""The table that a model answers with: a row a sample."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.metrics import predicted_classes
from bcdl.serving.facts import Facts
from bcdl.serving.preparing import SentImage


def probability_columns(classes: tuple[str, ...]) -> list[str]:
    """Return `probability` (of the positive class) for two classes, else a column a class."""
    return ["probability"] if len(classes) == 2 else [f"probability_{name}" for name in classes]


def refusals(samples: pd.DataFrame, sent: Sequence[SentImage]) -> dict[str, str]:
    """Return why images of a sample are not used, by the sample's id.

    Args:
        samples: the sample table of all rows of a request.
        sent: its images.
    """
    found: dict[str, str] = {}
    for name, rows in zip(samples["sample_id"], samples["rows"], strict=True):
        reasons = [f"row {row}: {sent[row].error}" for row in rows if sent[row].pixels is None]
        if reasons:
            found[name] = "; ".join(reasons)
    return found


def answer(
    names: pd.Series,
    used: pd.DataFrame,
    probabilities: NDArray[np.float64],
    errors: dict[str, str],
    facts: Facts,
) -> pd.DataFrame:
    """Return `sample`, probabilities, `decision`, `images` (how many were used) and `error`.

    Args:
        names: ids of all samples, in the order of the answer.
        used: the samples that were predicted.
        probabilities: (N,) or (N, K) of those.
        errors: why images are not used, by the sample's id.
        facts: of the data that the model was trained on.
    """
    columns = probability_columns(facts.classes)
    shares = pd.DataFrame(probabilities.reshape(len(used), len(columns)), columns=columns)
    decided = predicted_classes(probabilities, facts.threshold)
    names_decided = [facts.classes[label] for label in decided]
    predicted = shares.assign(decision=names_decided, images=used["rows"].map(len))
    predicted.index = pd.Index(used["sample_id"])
    table = predicted.reindex(names)
    table["decision"] = _or_none(table["decision"])
    table["images"] = table["images"].fillna(0).astype(np.int64)
    table["error"] = _or_none(pd.Series([errors.get(name) for name in names], table.index, dtype=object))
    return table.rename_axis("sample").reset_index()


def _or_none(cells: pd.Series) -> Any:  # noqa: ANN401 - a column of text and None
    return cells.astype(object).where(cells.notna(), None)
