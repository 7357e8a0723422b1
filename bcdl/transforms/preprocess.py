"""From raw grey levels to what a network sees; every statistic is learnt on the training images.

`host` works on one integer image and keeps its type; `device` normalises a whole batch on its device.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bcdl.errors import RunError, UserError
from bcdl.transforms.histogram import mean_and_deviation, percentiles, pooled_histogram

Image = NDArray[np.uint8 | np.uint16]  # (H, W, C)
State = dict[str, float | list[float]]


class Preprocess(ABC):
    """Learn statistics with `fit`, then apply `host` and `device` to every image of every split."""

    def __init__(self) -> None:
        self._state: State = {}

    def fit(self, images: Iterable[Image]) -> None:
        """Learn the statistics from the training images, in one pass.

        Raises:
            UserError: if there are no images, or all their pixels are the same.
        """
        self._state = self._learn(images)

    def host(self, image: Image) -> Image:
        """Return the image `(H, W, C)` with its grey levels remapped; most choices leave it as it is."""
        return image

    @abstractmethod
    def device(self, x: Tensor) -> Tensor:
        """Normalise raw grey levels, float32 of any shape, into a new tensor of that shape."""

    def state_dict(self) -> State:
        """Return the learnt statistics as plain numbers."""
        return dict(self._state)

    def load_state_dict(self, state: Mapping[str, float | list[float]]) -> None:
        """Take over statistics that were learnt before."""
        self._state = dict(state)

    @abstractmethod
    def _learn(self, images: Iterable[Image]) -> State:
        """Return the statistics of the images."""

    def _learnt(self, name: str) -> NDArray[np.float64]:
        if name not in self._state:
            raise RunError(
                f"{type(self).__name__} has not learnt '{name}': call fit() or load_state_dict() first"
            )
        return np.asarray(self._state[name], dtype=np.float64)


class ZScore(Preprocess):
    """Subtract the training pixels' mean and divide by their standard deviation."""

    def device(self, x: Tensor) -> Tensor:
        """Return `(x - mean) / std`."""
        return x.sub(float(self._learnt("mean"))).mul_(1 / float(self._learnt("std")))

    def _learn(self, images: Iterable[Image]) -> State:
        mean, std = mean_and_deviation(pooled_histogram(images))
        return {"mean": mean, "std": std}


class Percentile(Preprocess):
    """Map two percentiles of the training pixels to 0 and 1 and clip what lies beyond.

    Args:
        low: percentile that becomes 0.
        high: percentile that becomes 1.

    Raises:
        UserError: unless `0 <= low < high <= 100`.
    """

    def __init__(self, low: float = 1.0, high: float = 99.0) -> None:
        super().__init__()
        if not 0 <= low < high <= 100:
            raise UserError(f"expected 0 <= preprocess.low < preprocess.high <= 100, got {low} and {high}")
        self.low, self.high = low, high

    def device(self, x: Tensor) -> Tensor:
        """Return `(x - low) / (high - low)`, clipped to 0..1."""
        low, high = float(self._learnt("low")), float(self._learnt("high"))
        return x.sub(low).mul_(1 / (high - low)).clamp_(0, 1)

    def _learn(self, images: Iterable[Image]) -> State:
        low, high = percentiles(pooled_histogram(images), [self.low, self.high]).tolist()
        if low == high:
            raise UserError(
                f"percentiles {self.low} and {self.high} of the training pixels are both {low:g}; "
                "set preprocess.low and preprocess.high further apart, or choose preprocess=zscore"
            )
        return {"low": low, "high": high}


class MinMax(Percentile):
    """Map the training pixels' minimum and maximum to 0 and 1 and clip what lies beyond."""

    def __init__(self) -> None:
        super().__init__(low=0.0, high=100.0)


class FullScale(Preprocess):
    """Divide by the largest value that the images' type can hold; nothing but the bit depth is learnt."""

    def device(self, x: Tensor) -> Tensor:
        """Return `x / 255` or `x / 65535`."""
        return x.mul(1 / float(self._learnt("full_scale")))

    def _learn(self, images: Iterable[Image]) -> State:
        for image in images:
            return {"full_scale": float(np.iinfo(image.dtype).max)}
        raise UserError("expected training images, found none. Check data.path or data.root")


class CLAHE(ZScore):
    """Contrast-limited adaptive histogram equalisation, then z-score; background (0) stays 0.

    OpenCV is called directly because albumentations' CLAHE reduces 16-bit images to 8 bits.

    Args:
        clip_limit: how far a tile's histogram may rise above a flat one.
        tile: number of tiles along each side.

    Source:
        Zuiderveld, Contrast Limited Adaptive Histogram Equalization, Graphics Gems IV, 1994.
    """

    def __init__(self, clip_limit: float = 2.0, tile: int = 8) -> None:
        super().__init__()
        if clip_limit <= 0 or tile < 1:
            raise UserError(
                f"expected preprocess.clip_limit > 0 and preprocess.tile >= 1, got {clip_limit}, {tile}"
            )
        self.clip_limit, self.tile = clip_limit, tile

    def host(self, image: Image) -> Image:
        """Return the equalised image, each channel by itself."""
        clahe = cv2.createCLAHE(self.clip_limit, (self.tile, self.tile))
        equalised = np.stack([clahe.apply(channel) for channel in np.moveaxis(image, -1, 0)], axis=-1)
        equalised[image == 0] = 0
        return equalised

    def _learn(self, images: Iterable[Image]) -> State:
        return super()._learn(map(self.host, images))


class HistogramMatch(ZScore):
    """Give every image the grey-level distribution of the training set, then z-score; background (0) stays 0.

    Only pixels above 0 take part, so that the size of a breast does not change its grey levels.

    Args:
        knots: number of points of the reference distribution that are kept.
    """

    def __init__(self, knots: int = 256) -> None:
        super().__init__()
        if knots < 2:
            raise UserError(f"expected preprocess.knots >= 2, got {knots}")
        self.knots = knots

    def host(self, image: Image) -> Image:
        """Return the image with each grey level replaced by the training set's at the same rank."""
        counts = np.bincount(image.ravel())
        counts[0] = 0
        total = counts.sum()
        if total == 0:
            return image
        rank = (np.cumsum(counts) - counts / 2) / total  # (levels,) middle of each level's ranks
        reference = self._learnt("reference")
        matched = np.interp(rank, np.linspace(0, 1, reference.size), reference)
        matched[0] = 0
        curve: NDArray[np.uint8 | np.uint16] = np.rint(matched).astype(image.dtype)
        return curve[image]

    def _learn(self, images: Iterable[Image]) -> State:
        counts = pooled_histogram(images, foreground=True)
        mean, std = mean_and_deviation(counts)
        reference = percentiles(counts, np.linspace(0, 100, self.knots))
        return {"mean": mean, "std": std, "reference": reference.tolist()}
