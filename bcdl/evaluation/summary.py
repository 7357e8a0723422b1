"""A predictions table as metrics, split by split."""

import pandas as pd

from bcdl.evaluation.levels import probabilities
from bcdl.evaluation.predictions import labels
from bcdl.metrics import classification_metrics


def summarise(table: pd.DataFrame, threshold: float = 0.5) -> dict[str, dict[str, float]]:
    """Return each split's metrics.

    Args:
        table: predictions, of samples or of a coarser level.
        threshold: probability from which a sample counts as positive.

    Returns:
        `{"val": {"auroc": …, …}, "test": {…}}` for the splits that the table holds; `loss` is the mean
        cross-entropy without class weights or smoothing.
    """
    return {
        str(split): classification_metrics(labels(rows), probabilities(rows), threshold)
        for split, rows in table.groupby("split", sort=False)
    }
