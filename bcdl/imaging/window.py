"""From a detector's grey values to display values between 0 and 1: the VOI transformations of DICOM.

Source: DICOM PS3.3 C.11.2 (VOI LUT module).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bcdl.errors import UserError, nearest

Values = NDArray[np.float32]

POLICIES = ("auto", "file", "minmax", "percentile", "none")
_SHARES = (0.005, 0.995)


def check_policy(window: str) -> None:
    """Raise `UserError` unless `window` is a policy."""
    if window not in POLICIES:
        raise UserError(
            f"expected imaging.window to be one of {', '.join(POLICIES)}, found '{window}'."
            f"{nearest(window, POLICIES)}"
        )


def linear(values: Values, centre: float, width: float) -> Values:
    """Return values (any shape) windowed by LINEAR; a width of 1 is a threshold."""
    return stretch(values, centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2)


def linear_exact(values: Values, centre: float, width: float) -> Values:
    """Return values windowed by LINEAR_EXACT: from `centre - width / 2` to `centre + width / 2`."""
    return stretch(values, centre - width / 2, centre + width / 2)


def sigmoid(values: Values, centre: float, width: float) -> Values:
    """Return values windowed by SIGMOID."""
    exponent = np.clip(-4 * (values - np.float32(centre)) / np.float32(width), -80, 80)
    return np.asarray(1 / (1 + np.exp(exponent)), dtype=np.float32)


FUNCTIONS: dict[str, Callable[[Values, float, float], Values]] = {
    "LINEAR": linear,
    "LINEAR_EXACT": linear_exact,
    "SIGMOID": sigmoid,
}


def stretch(values: Values, low: float, high: float) -> Values:
    """Map `low` to 0 and `high` to 1 and clip; where they are equal, 1 above them and 0 up to them."""
    if high <= low:
        return (values > low).astype(np.float32)
    stretched = values - np.float32(low)
    stretched *= np.float32(1 / (high - low))
    return np.clip(stretched, 0, 1, out=stretched)


def by_minmax(values: Values, counts: NDArray[np.float32]) -> Values:
    """Map the least and the greatest value that any pixel has to 0 and 1.

    Args:
        values: (N,) grey values.
        counts: (N,) how many pixels have each.
    """
    shown = values[counts > 0]
    return stretch(values, float(shown.min()), float(shown.max()))


def by_percentile(values: Values, counts: NDArray[np.float32]) -> Values:
    """Map the 0.5th and 99.5th percentile of what is brighter than the darkest value to 0 and 1.

    Args:
        values: (N,) grey values.
        counts: (N,) how many pixels have each.
    """
    tissue = counts * (values > values[counts > 0].min())
    if not tissue.any():
        return by_minmax(values, counts)
    order = np.argsort(values, kind="stable")
    below = np.cumsum(tissue[order], dtype=np.float64)
    low, high = (values[order][np.searchsorted(below, share * below[-1])] for share in _SHARES)
    return stretch(values, float(low), float(high))
