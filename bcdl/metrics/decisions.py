"""From probabilities to classes, and how they agree with the labels."""

import numpy as np
from numpy.typing import NDArray

from bcdl.metrics.probabilities import Values, as_array

Labels = NDArray[np.int64]


def confusion_matrix(labels: Values, probabilities: Values, threshold: float = 0.5) -> Labels:
    """Return `(K, K)` counts: row the true class, column the predicted one."""
    truth, predicted = as_array(labels).astype(np.int64), predicted_classes(probabilities, threshold)
    number = 2 if np.ndim(probabilities) == 1 else np.shape(probabilities)[1]
    known = truth >= 0
    return np.bincount(truth[known] * number + predicted[known], minlength=number**2).reshape(number, number)


def predicted_classes(probabilities: Values, threshold: float = 0.5) -> Labels:
    """Return `(N,)` classes: whether `(N,)` shares reach the threshold, or the likeliest of `(N, K)`."""
    shares = as_array(probabilities)
    return (shares >= threshold).astype(np.int64) if shares.ndim == 1 else shares.argmax(axis=1)
