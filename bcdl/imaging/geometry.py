"""Size and channels of an image; boxes and masks follow the same geometry.

An image is scaled by one factor until it fits, then centred and padded with 0 (the odd pixel goes to the
right and to the bottom), so that the left and the right breast stay mirror images of each other.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8 | np.uint16]
Size = tuple[int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Placement:
    """Where a scaled image lies on its canvas, in pixels."""

    height: int
    width: int
    top: int
    left: int


def place(source: Size, size: Size) -> Placement:
    """Return where an image of `source` (height, width) lies on a canvas of `size` (height, width)."""
    factor = min(size[0] / source[0], size[1] / source[1])
    height, width = (max(1, round(side * factor)) for side in source)
    return Placement(height, width, (size[0] - height) // 2, (size[1] - width) // 2)


def fit(image: Pixels, size: Size) -> Pixels:
    """Scale an image (h, w) or (h, w, C) to (H, W) or (H, W, C), aspect and dtype kept, padded with 0.

    Shrinks by area averaging, enlarges by linear interpolation; an image of that size is returned as it is.
    """
    if image.shape[:2] == size:
        return image
    canvas: Pixels = np.zeros((*size, *image.shape[2:]), image.dtype)
    _paste(image, canvas, place((image.shape[0], image.shape[1]), size))
    return canvas


def fit_box(box: Box, source: Size, size: Size) -> Box:
    """Return a half-open box (x0, y0, x1, y1) as `fit` moves it, in an image of `source` (height, width)."""
    spot = place(source, size)
    x, y = spot.width / source[1], spot.height / source[0]
    x0, y0, x1, y1 = box
    return x0 * x + spot.left, y0 * y + spot.top, x1 * x + spot.left, y1 * y + spot.top


def fit_mask(mask: NDArray[np.bool_], size: Size) -> NDArray[np.bool_]:
    """Scale a mask (h, w) to (H, W) as `fit` does.

    A pixel belongs to it when at least half covered; a mask too fine for that keeps its most covered pixels.
    """
    if mask.shape == size:
        return mask
    spot = place((mask.shape[0], mask.shape[1]), size)
    cover = np.zeros(size, np.float32)
    _paste(mask.astype(np.float32), cover, spot)
    covered: NDArray[np.bool_] = (cover > 0) & (cover >= min(0.5, cover.max()))
    return covered


def to_channels(image: Pixels, channels: int) -> Pixels:
    """Return an image (H, W), (H, W, 1) or (H, W, 3) as (H, W, `channels`): 1 grey (ITU-R BT.601) or 3."""
    if image.ndim == 2:
        image = image[:, :, None]
    if image.shape[2] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=2)
    grey: Pixels = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None]
    return grey


def widen(image: Pixels) -> NDArray[np.uint16]:
    """Return an image in 16 bit; 255 of 8 bit becomes 65535."""
    wide = image.astype(np.uint16, copy=False)
    return wide if image.dtype == np.uint16 else wide * np.uint16(257)


def _paste(image: NDArray[Any], canvas: NDArray[Any], spot: Placement) -> None:
    """Scale an image and write it into its place on the canvas."""
    shrinks = spot.height < image.shape[0] or spot.width < image.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    scaled = cv2.resize(image, (spot.width, spot.height), interpolation=interpolation)
    rows = slice(spot.top, spot.top + spot.height)
    columns = slice(spot.left, spot.left + spot.width)
    canvas[rows, columns] = scaled.reshape(spot.height, spot.width, *image.shape[2:])
