"""From the pixels of a source image to those that are stored; masks and boxes follow the same geometry.

An image is cropped, mirrored where wanted, scaled by one factor until it fits and padded with 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8 | np.uint16]
Mask = NDArray[np.bool_]
Size = tuple[int, int]
Box = tuple[float, float, float, float]
Crop = tuple[int, int, int, int]
Anchor = Literal["centre", "left"]

_COVERED = 65_535  # a mask's pixel in the 16 bit in which it is scaled
_FAR = 4  # times as large as it is to be: such an image is halved first


@dataclass(frozen=True)
class Geometry:
    """How a source image becomes the stored one; made of plain numbers (`asdict`, `from_dict`).

    Args:
        source: (height, width) of the source image.
        crop: (top, left, height, width) of what is kept of it.
        mirrored: Whether what is kept is mirrored, left to right.
        size: (height, width) of the stored image; the crop is scaled by one factor until it fits.
        anchor: Where it then lies: `centre`, with the odd pixel of padding on the right and at the bottom; or
            `left`, flush with the left edge and centred from top to bottom.

    Raises:
        ValueError: The crop is empty or reaches beyond the source image, or the size is empty.
    """

    source: Size
    crop: Crop
    mirrored: bool
    size: Size
    anchor: Anchor = "centre"

    def __post_init__(self) -> None:
        top, left, height, width = self.crop
        inside = 0 <= top <= self.source[0] - height and 0 <= left <= self.source[1] - width
        if not inside or min(height, width, *self.size) < 1:
            raise ValueError(
                f"expected a crop (top, left, height, width) inside an image of {self.source} and a size of "
                f"1 x 1 or more, found the crop {self.crop} and the size {self.size}"
            )

    @classmethod
    def whole(cls, source: Size, size: Size) -> "Geometry":
        """Return the geometry that fits a whole image of `source` into the centre of `size`."""
        return cls(source, (0, 0, *source), mirrored=False, size=size)

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> "Geometry":
        """Return the geometry of which `numbers` is the `asdict`, also after a way through JSON."""
        return cls(
            source=_pair(numbers["source"]),
            crop=(*_pair(numbers["crop"][:2]), *_pair(numbers["crop"][2:])),
            mirrored=bool(numbers["mirrored"]),
            size=_pair(numbers["size"]),
            anchor=numbers["anchor"],
        )

    def image(self, pixels: Pixels) -> Pixels:
        """Return the stored form of an image (h, w) or (h, w, C): (H, W) or (H, W, C), dtype kept.

        Shrinks by area averaging, enlarges by linear interpolation; of an image that nothing is done to, no
        copy is made.

        Raises:
            ValueError: The image is not of the source's size.
        """
        if pixels.shape[:2] != self.source:
            raise ValueError(f"expected an image of {self.source} pixels, found one of {pixels.shape[:2]}")
        return self.scaled(self.cropped(pixels))

    def mask(self, mask: Mask) -> Mask:
        """Return the stored form of a mask (h, w), (H, W).

        A pixel belongs to it when at least half covered; a mask too fine for that keeps its most covered
        pixels. A mask of another size than the source image is first scaled to that, whatever its aspect.
        """
        cover: Pixels = mask.astype(np.uint16) * np.uint16(_COVERED)
        if mask.shape != self.source:
            cover = _scaled(cover, self.source)
        cover = self.image(cover)
        covered: Mask = (cover > 0) & (cover >= min(_COVERED // 2, int(cover.max())))
        return covered

    def box(self, box: Box) -> Box:
        """Return where a half-open box (x0, y0, x1, y1) of the source lies, cut to what the crop shows."""
        top, left, height, width = self.crop
        onto_top, onto_left, onto_height, onto_width = self.placed
        x0, x1 = (min(max(x - left, 0.0), width) for x in box[::2])
        y0, y1 = (min(max(y - top, 0.0), height) for y in box[1::2])
        if self.mirrored:
            x0, x1 = width - x1, width - x0
        across, down = onto_width / width, onto_height / height
        return x0 * across + onto_left, y0 * down + onto_top, x1 * across + onto_left, y1 * down + onto_top

    def spacing(self, spacing: float) -> float:
        """Return the millimetres from pixel to pixel as stored, of `spacing` millimetres in the source."""
        return spacing / self.factor

    def cropped(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return a view of what is kept of an image or a mask of the source's size."""
        top, left, height, width = self.crop
        return pixels[top : top + height, left : left + width]

    def scaled(self, cropped: Pixels) -> Pixels:
        """Return the stored form of what `cropped` kept of an image."""
        if self.mirrored:
            cropped = cv2.flip(cropped, 1).reshape(cropped.shape)
        if cropped.shape[:2] == self.size:
            return cropped
        canvas: Pixels = np.zeros((*self.size, *cropped.shape[2:]), cropped.dtype)
        top, left, height, width = self.placed
        canvas[top : top + height, left : left + width] = _scaled(cropped, (height, width))
        return canvas

    @property
    def factor(self) -> float:
        """Stored pixels for one pixel of the source."""
        return min(self.size[0] / self.crop[2], self.size[1] / self.crop[3])

    @property
    def placed(self) -> Crop:
        """(top, left, height, width) of the scaled crop in the stored image; the rest is padding."""
        height, width = (max(1, round(side * self.factor)) for side in self.crop[2:])
        left = 0 if self.anchor == "left" else (self.size[1] - width) // 2
        return (self.size[0] - height) // 2, left, height, width


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


def _scaled(image: Pixels, size: Size) -> Pixels:
    """Scale an image (h, w) or (h, w, C) to (H, W) or (H, W, C), each axis by its own factor.

    Halving is quick and the rest is then a quarter of the work; the last of an odd number of rows or columns
    goes.
    """
    channels = image.shape[2:]
    if min(image.shape[0] / size[0], image.shape[1] / size[1]) >= _FAR:
        height, width = image.shape[0] // 2, image.shape[1] // 2
        even = image[: 2 * height, : 2 * width]
        image = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
    shrinks = size[0] < image.shape[0] or size[1] < image.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    scaled: Pixels = cv2.resize(image, size[::-1], interpolation=interpolation)
    return scaled.reshape(*size, *channels)


def _pair(numbers: Sequence[int]) -> Size:
    first, second = numbers
    return first, second
