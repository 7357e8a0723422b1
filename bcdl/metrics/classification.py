"""All metrics of a set of predictions, under the names that runs log."""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning

from bcdl.metrics.probabilities import Values, as_array
from bcdl.metrics.weighted import WeightedMetrics
from bcdl.scores import METRICS


def classification_metrics(labels: Values, probabilities: Values, threshold: float = 0.5) -> dict[str, float]:
    """Return every metric of `METRICS`.

    Args:
        labels: `(N,)`, 0..K-1, 1 being positive of two; negative where unlabelled, which leaves the row out.
        probabilities: `(N,)` of the positive class, or `(N, K)`.
        threshold: probability from which a sample counts as positive; K classes take the most probable one.

    Returns:
        For two classes the positive class's metrics; for K the mean over the classes that occur, one versus
        the rest. `brier` is the mean squared error of the probability (summed over classes for K), `loss` the
        mean cross-entropy without weights. Where nothing is predicted positive, `precision` is 0; where all
        predictions are alike, `mcc` is 0. What the labels leave undefined is NaN, with one
        `UndefinedMetricWarning`.
    """
    known = as_array(labels) >= 0
    truth = as_array(labels)[known].astype(np.int64)
    shares = as_array(probabilities)[known]
    occurring = np.unique(truth)
    _warn_of_absent_classes(occurring, 2 if shares.ndim == 1 else shares.shape[1])
    if not len(truth):
        return dict.fromkeys(METRICS, float("nan"))
    found = WeightedMetrics(truth, shares, threshold)(np.ones((1, len(truth))))
    return {name: float(found[name][0]) for name in METRICS}


def _warn_of_absent_classes(occurring: NDArray[np.int64], number: int) -> None:
    absent = sorted(set(range(number)) - set(occurring.tolist()))
    if not absent:
        return
    outcome = "metrics that need two classes are NaN" if len(occurring) < 2 else "means leave it out"
    warnings.warn(
        f"class {', '.join(map(str, absent))} does not occur among the labels: {outcome}",
        UndefinedMetricWarning,
        stacklevel=3,
    )
