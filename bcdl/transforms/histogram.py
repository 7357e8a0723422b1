"""The grey levels of a set of integer images: one histogram from which every statistic follows exactly.

Breast images are monochrome, so all channels share one scale.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bcdl.errors import UserError

Counts = NDArray[np.int64]


def pooled_histogram(images: Iterable[NDArray[np.integer]], foreground: bool = False) -> Counts:
    """Count each grey level over all images, in one pass.

    Args:
        images: `uint8` or `uint16` arrays of any shape, all of one type.
        foreground: leave the background (0) out.

    Returns:
        `(256,)` or `(65536,)` pixel counts.

    Raises:
        UserError: if there is no image, or all its pixels have the same value.
    """
    counts = np.zeros(0, dtype=np.int64)
    for image in images:
        if not counts.size:
            counts = np.zeros(np.iinfo(image.dtype).max + 1, dtype=np.int64)
        found = np.bincount(image.ravel())
        counts[: found.size] += found
    if foreground and counts.size:
        counts[0] = 0
    if np.count_nonzero(counts) < 2:
        found_text = "no image" if not counts.any() else f"the single grey level {int(counts.argmax())}"
        raise UserError(
            f"expected training images with at least two grey levels, found {found_text}. "
            "Check data.path or data.root, or choose preprocess=none"
        )
    return counts


def mean_and_deviation(counts: Counts) -> tuple[float, float]:
    """Return mean and population standard deviation of the pixels."""
    levels = np.arange(counts.size, dtype=np.float64)
    mean = float(np.average(levels, weights=counts))
    return mean, float(np.sqrt(np.average((levels - mean) ** 2, weights=counts)))


def percentiles(counts: Counts, q: NDArray[np.float64] | list[float]) -> NDArray[np.float64]:
    """Return the smallest grey level that `q` percent of the pixels do not exceed, for each q of 0 to 100."""
    cumulative = np.cumsum(counts)
    wanted = np.maximum(np.asarray(q) / 100 * cumulative[-1], 1)
    return np.asarray(np.searchsorted(cumulative, np.ceil(wanted)), dtype=np.float64)
