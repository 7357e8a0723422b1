"""Grey levels in a few equal bins, in whole numbers: the same for an image in 8 and in 16 bit."""

import numpy as np
from numpy.typing import NDArray

from bcdl.imaging import Pixels

Mask = NDArray[np.bool_]  # (H, W)
Levels = NDArray[np.uint8]  # (H, W)


def quantise(image: Pixels, count: int, mask: Mask | None = None) -> Levels:
    """Sort grey values (H, W) into `count` equal bins between the least and the greatest.

    All are 0 where the two are the same.

    Args:
        image: 8 or 16 bit.
        count: Number of bins, 256 at most. With 256, 8 bits that use their whole range stay as they are.
        mask: Pixels whose least and greatest value count; what lies beyond goes to the outer bins.
    """
    values = image.astype(np.int64)
    counted = values if mask is None else values[mask]
    low, high = (int(counted.min()), int(counted.max())) if counted.size else (0, 0)
    if low == high:
        return np.zeros(image.shape, np.uint8)
    bins = (values - low) * count // (high - low)
    return bins.clip(0, count - 1).astype(np.uint8)
