"""What is baked into the image store, applied alike for training and for inference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bcdl.errors import UserError, nearest
from bcdl.imaging.breast import Side, blank, breast_box, chest_wall, foreground, share
from bcdl.imaging.geometry import Geometry, Mask, Pixels, Size, to_channels
from bcdl.imaging.picture import MULTI_FRAME, Display
from bcdl.imaging.window import check_policy

_CHANNELS = (1, 3)
_CROPS, _ORIENTS = ("none", "breast"), ("none", "left")


@dataclass(frozen=True)
class Prepared:
    """An image as it is stored.

    Attributes:
        pixels: (H, W, C), of the decoded image's dtype.
        geometry: Where they lie in the decoded image.
        chest_wall: Side of the decoded image on which the chest wall lies, where that was seen.
        breast_share: Share of the decoded image that the breast covers; 0 where none was found, None where
            none was searched for.
    """

    pixels: Pixels
    geometry: Geometry
    chest_wall: Side | None = None
    breast_share: float | None = None


@dataclass(frozen=True)
class Imaging:
    """How an image is decoded and prepared.

    Args:
        size: (height, width) in pixels; images keep their aspect and are padded with 0. `None` keeps the
            images' own size, in which all of a data set must then agree.
        channels: 1 (grey) or 3 (colour; grey images are repeated).
        window: How a DICOM file's grey values become display values: auto, file, minmax, percentile or none;
            readers are given it, as `prepare` gets display values.
        multi_frame: `refuse` DICOM files of several frames, or take the `frame` that the exam table names.
        modality: DICOM modalities that are not refused, such as MG; empty takes any.
        crop: `none`, or `breast`: what is kept is the breast with a small margin; the whole image where none
            is found.
        orient: `none`, or `left`: mirrored where needed so that the chest wall lies on the left edge; left as
            it is where the chest wall cannot be told.
        blank: Whether what lies outside the breast, such as burnt-in text, is set to 0; all of it where
            none is found.

    Raises:
        UserError: A choice that cannot be.
    """

    size: tuple[int, int] | None = None
    channels: int = 1
    window: str = "auto"
    multi_frame: str = "refuse"
    modality: tuple[str, ...] = ()
    crop: str = "none"
    orient: str = "none"
    blank: bool = False

    def __post_init__(self) -> None:
        check_policy(self.window)
        _check_choice("multi_frame", self.multi_frame, MULTI_FRAME)
        _check_choice("crop", self.crop, _CROPS)
        _check_choice("orient", self.orient, _ORIENTS)
        if self.channels not in _CHANNELS:
            raise UserError(f"expected imaging.channels of 1 or 3, found {self.channels}")
        if self.blank not in (True, False):
            raise UserError(f"expected imaging.blank of true or false, found {self.blank!r}")
        object.__setattr__(self, "modality", _words("modality", self.modality))
        if self.size is None:
            return
        if len(self.size) != 2 or not all(isinstance(side, int) and side > 0 for side in self.size):
            raise UserError(f"expected imaging.size=[rows,columns] in pixels, found {list(self.size)}")
        object.__setattr__(self, "size", tuple(self.size))  # a list, when it comes from YAML

    @property
    def display(self) -> Display:
        """What a reader is to decode by."""
        return Display(self.window, self.multi_frame, self.modality)

    def prepare(self, image: Pixels) -> Prepared:
        """Return a decoded image (h, w) or (h, w, 3) as it is stored."""
        source = (image.shape[0], image.shape[1])
        geometry = Geometry.whole(source, self.size or source)
        if not self._needs_breast:
            return Prepared(to_channels(geometry.image(image), self.channels), geometry)
        breast = foreground(to_channels(image, 1)[:, :, 0])
        if breast is None:
            shown = np.zeros_like(image) if self.blank else image
            return Prepared(to_channels(geometry.image(shown), self.channels), geometry, None, 0.0)
        wall = chest_wall(breast)
        geometry = self._placed(source, breast, wall)
        kept = geometry.cropped(image)
        if self.blank:
            kept = blank(kept, geometry.cropped(breast))
        return Prepared(to_channels(geometry.scaled(kept), self.channels), geometry, wall, share(breast))

    @property
    def _needs_breast(self) -> bool:
        return self.blank or self.crop != "none" or self.orient != "none"

    def _placed(self, source: Size, breast: Mask, wall: Side | None) -> Geometry:
        crop = breast_box(breast, wall) if self.crop == "breast" else (0, 0, *source)
        oriented = self.orient == "left" and wall is not None
        mirrored = oriented and wall == "right"
        return Geometry(source, crop, mirrored, self.size or crop[2:], "left" if oriented else "centre")


def _check_choice(name: str, found: str, choices: Sequence[str]) -> None:
    if found not in choices:
        raise UserError(
            f"expected imaging.{name} to be one of {', '.join(choices)}, found '{found}'."
            f"{nearest(str(found), choices)}"
        )


def _words(name: str, found: object) -> tuple[str, ...]:
    if isinstance(found, Sequence) and not isinstance(found, str):
        words = tuple(found)
        if all(isinstance(word, str) for word in words):
            return words
    raise UserError(f"expected imaging.{name} as a list such as [MG], found {found!r}")
