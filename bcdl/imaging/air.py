"""The air around the breast: a plane of grey values, as scanners leave it grey, tilted and noisy."""

from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Plane = NDArray[np.float32]  # grey value in the middle, and its change from there to the lower and right edge

_GRID = 64  # pixels of the longer side at which planes are tried
_SLOPES = sorted(np.linspace(-0.24, 0.24, 9), key=abs)  # of the spread, from the middle to an edge
_TILTS = np.array(list(product(_SLOPES, repeat=2)), np.float32)  # (T, 2) down and right, the flattest first
_BINS = 50  # of the spread
_LEVELS = 2 * _BINS + 3
_NEAR = 0.04  # of the spread: what may be air by the first plane
_FITS = 6
_NOISES = 3.0  # standard deviations: what lies further from the plane is not fitted
_EXACT = 0.004  # of the spread: what lies nearer to the plane is fitted, however little noise there is
_FEWEST = 10  # pixels for a fit
_TO_DEVIATION = 1.4826  # from the median absolute deviation of normal noise to its standard deviation


def rise_above_air(grey: Values) -> tuple[Values, float]:
    """Return by how much each pixel (H, W) is brighter than the air there, and the air's standard deviation.

    The air is the plane near which the most pixels lie, less those that lie below it: tissue is uneven, and
    little is darker than air. It is then fitted by least squares to what lies within three standard
    deviations (from the median absolute deviation) of it.

    Args:
        grey: (H, W), air dark.
    """
    spread = max(float(np.percentile(grey, 99) - grey.min()), 1e-6)
    height, width = (max(1, round(side * min(1, _GRID / max(grey.shape)))) for side in grey.shape)
    values = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).ravel()
    axes = _axes(height, width)
    plane = _fitted(_roughly(values, axes, spread), values, axes, spread)
    down, right = map(_along, grey.shape)
    rise: Values = grey - (plane[0] + plane[1] * down[:, None] + plane[2] * right)
    below = rise[(rise < 0) & (rise > -_NEAR * spread)]  # there is no tissue among it
    return rise, _TO_DEVIATION * float(np.median(-below)) if below.size else 0.0


def _axes(height: int, width: int) -> Values:
    """Return (H * W, 3): 1, and how far down and right of the middle each pixel lies, -1 to 1."""
    ones = np.ones((height, width), np.float32)
    return np.stack([ones, ones * _along(height)[:, None], ones * _along(width)], axis=-1).reshape(-1, 3)


def _along(side: int) -> Values:
    """Return where the middle of each pixel of a side lies, from one edge at -1 to the other at 1."""
    return np.linspace(1 / side - 1, 1 - 1 / side, side, dtype=np.float32)


def _roughly(values: Values, axes: Values, spread: float) -> Plane:
    """Return the best of some planes: of equally good ones the least tilted."""
    darkest = float(values.min())
    shares = (values - darkest) / spread - _TILTS[:, :1] * axes[:, 1] - _TILTS[:, 1:] * axes[:, 2]  # (T, N)
    levels = np.clip((shares + 0.5) * _BINS, 0, 2 * _BINS).astype(np.int64)
    bins = np.arange(len(_TILTS))[:, None] * _LEVELS + levels
    counts = np.bincount(bins.ravel(), minlength=len(_TILTS) * _LEVELS).reshape(-1, _LEVELS)
    near, below = counts[:, :-2] + counts[:, 1:-1] + counts[:, 2:], np.cumsum(counts, axis=1) - counts
    tilt, level = np.unravel_index((near - below[:, :-2]).argmax(), near.shape)
    chosen = np.array([(level + 1.5) / _BINS - 0.5, *_TILTS[tilt]], np.float32)
    return chosen * np.float32(spread) + np.array([darkest, 0, 0], np.float32)


def _fitted(plane: Plane, values: Values, axes: Values, spread: float) -> Plane:
    """Return the plane fitted to what lies near it."""
    distances = np.abs(values - axes @ plane)
    near = distances <= _NEAR * spread
    for _ in range(_FITS):
        if np.count_nonzero(near) < _FEWEST:
            break
        plane = np.linalg.lstsq(axes[near], values[near])[0]
        distances = np.abs(values - axes @ plane)
        noise = _TO_DEVIATION * float(np.median(distances[near]))
        near = distances <= max(_NOISES * noise, _EXACT * spread)
    return plane
