"""From logits to probabilities, in double precision on the CPU; tensors are taken without importing torch."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Values: TypeAlias = "NDArray[np.floating] | NDArray[np.integer] | Tensor"


def as_array(values: Values) -> NDArray[np.float64]:
    """Return values of any device and precision as a float64 array of the same shape."""
    if not isinstance(values, np.ndarray) and hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=np.float64)


def to_probabilities(logits: Values) -> NDArray[np.float64]:
    """Return the sigmoid of positive-class logits `(N,)`, or the softmax of `(N, K)`."""
    scores = as_array(logits)
    if scores.ndim == 1:
        return np.asarray(np.exp(-np.logaddexp(0, -scores)))
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
