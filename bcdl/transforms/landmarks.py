"""Harmonisation by landmarks of the histogram: each image's own percentiles are moved to standard places."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bcdl.errors import UserError
from bcdl.transforms.histogram import percentiles
from bcdl.transforms.preprocess import Image, State, ZScore

Levels = NDArray[np.float64]

DECILES = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)


class Landmarks(ZScore):
    """Move every image's percentiles to the training images' mean ones, then z-score.

    The curve is piecewise linear between the percentiles and goes on straight beyond them, so that what is
    brighter than nearly all tissue stays so. Only pixels above 0 take part, and background (0) stays 0: blank
    what lies outside the breast (`imaging.blank=true`), or noise in the air counts as tissue.

    Args:
        percentiles: The landmarks, in rising order; the outer two fix the scale.

    Raises:
        UserError: The percentiles are fewer than two, do not rise, or lie outside 0..100.

    Source:
        Nyul, Udupa and Zhang, New variants of a method of MRI scale standardization, IEEE Trans Med Imaging
        19(2), 2000; the standard scale is the mean range of the training images.
    """

    def __init__(self, percentiles: Sequence[float] = DECILES) -> None:
        super().__init__()
        self.percentiles = np.asarray(percentiles, dtype=np.float64)
        inside = self.percentiles.size >= 2 and self.percentiles[0] >= 0 and self.percentiles[-1] <= 100
        if not inside or (np.diff(self.percentiles) <= 0).any():
            raise UserError(
                f"expected two or more rising preprocess.percentiles from 0 to 100, got {list(percentiles)}"
            )

    def host(self, image: Image) -> Image:
        """Return the image with its grey levels bent; one without two different landmarks stays as it is."""
        own = self._landmarks(image)
        if own is None:
            return image
        own, first = np.unique(own, return_index=True)
        levels = np.arange(int(image.max()) + 1, dtype=np.float64)
        bent = _straight_on(levels, own, self._learnt("landmarks")[first])
        bent = np.rint(np.clip(bent, 1, np.iinfo(image.dtype).max))
        bent[0] = 0
        curve: NDArray[np.uint8 | np.uint16] = bent.astype(image.dtype)
        return curve[image]

    def _learn(self, images: Iterable[Image]) -> State:
        found = [own for own in map(self._landmarks, images) if own is not None]
        if not found:
            raise UserError(
                "expected training images with two or more grey levels above 0, found none. "
                "Check data.path or data.root, or choose preprocess=none"
            )
        standard = _standard(np.stack(found))
        mean, std = _mean_and_deviation(standard, self.percentiles)
        return {"mean": mean, "std": std, "landmarks": standard.tolist()}

    def _landmarks(self, image: Image) -> Levels | None:
        """Return the grey levels of an image's landmarks, None where all are the same."""
        counts = np.bincount(image.ravel())
        counts[0] = 0
        if not counts.any():
            return None
        own = percentiles(counts, self.percentiles)
        return own if own[0] < own[-1] else None


def _standard(own: Levels) -> Levels:
    """Average landmarks (images, K), each image's range first brought to the mean range."""
    low, high = own[:, :1], own[:, -1:]
    within = ((own - low) / (high - low)).mean(axis=0)  # (K,) 0 to 1
    standard: Levels = low.mean() + within * (high.mean() - low.mean())
    return standard


def _straight_on(levels: Levels, own: Levels, standard: Levels) -> Levels:
    """Interpolate from landmarks (K,) to standard ones; beyond, go on with the outer segments' slopes."""
    slopes = np.diff(standard) / np.diff(own)
    bent = np.interp(levels, own, standard)
    below, above = np.minimum(levels - own[0], 0), np.maximum(levels - own[-1], 0)
    extended: Levels = bent + below * slopes[0] + above * slopes[-1]
    return extended


def _mean_and_deviation(landmarks: Levels, percentiles: Levels) -> tuple[float, float]:
    """Return those of grey levels spread evenly between landmarks: what harmonised tissue has."""
    low, high = landmarks[:-1], landmarks[1:]
    shares = np.diff(percentiles) / (percentiles[-1] - percentiles[0])
    mean = float(shares @ (low + high) / 2)
    square = float(shares @ (low**2 + low * high + high**2) / 3)
    return mean, float(np.sqrt(square - mean**2))
