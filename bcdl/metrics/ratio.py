"""Ratios of arrays, defined where the whole is nothing."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def ratio(part: Values, whole: Values, empty: float = float("nan")) -> Values:
    """Return part / whole, broadcast against each other, and `empty` where the whole is not above 0."""
    part, whole = np.broadcast_arrays(part, whole)
    found: Values = np.divide(part, whole, out=np.full(part.shape, empty), where=whole > 0)
    return found
