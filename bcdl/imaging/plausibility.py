"""What the pixels themselves say against an image."""

from collections.abc import Iterator

import numpy as np

from bcdl.imaging.breast import PLAUSIBLE_SHARE
from bcdl.imaging.geometry import Pixels, to_channels
from bcdl.imaging.picture import Picture, Problem
from bcdl.imaging.settings import Prepared

_STEP = 16  # pixels are sampled on a grid: the questions are coarse ones
_SIDES = {"left": "L", "right": "R"}
_BRIGHT, _COMMON = 0.6, 0.3  # of the range; of the pixels: air is dark, and its grey is the most common one
_BINS = 32


def pixel_problems(picture: Picture, prepared: Prepared) -> tuple[Problem, ...]:
    """Return what speaks against an image, of its breast only where one was searched for.

    Args:
        picture: The image as decoded, with the side that the header or the table says it shows.
        prepared: The same as it is stored.
    """
    if _constant(picture.pixels[::_STEP, ::_STEP]) and _constant(picture.pixels):
        return (Problem("constant", "expected an image, found one value in all pixels"),)
    if prepared.breast_share is None:
        return ()
    return tuple(_breast_problems(picture, prepared, prepared.breast_share))


def _breast_problems(picture: Picture, prepared: Prepared, share: float) -> Iterator[Problem]:
    if _inverted(picture.pixels):
        yield Problem("inverted", "expected dark air, found bright: the most common grey is a bright one")
    low, high = PLAUSIBLE_SHARE
    if not low <= share <= high:
        yield Problem(
            "breast_area",
            f"expected a breast on {low:.0%} to {high:.0%} of the image, found one on {share:.0%}",
        )
    shown = _SIDES.get(prepared.chest_wall or "")
    if shown and picture.laterality in ("L", "R") and shown != picture.laterality:
        yield Problem(
            "side",
            f"the chest wall lies on the {prepared.chest_wall} as of side {shown}, the tag says "
            f"{picture.laterality}",
        )


def _constant(pixels: Pixels) -> bool:
    return bool(pixels.min() == pixels.max())


def _inverted(pixels: Pixels) -> bool:
    sampled = to_channels(pixels[::_STEP, ::_STEP], 1)
    counts, edges = np.histogram(sampled, _BINS, (0, np.iinfo(pixels.dtype).max))
    most = int(counts.argmax())
    return bool(edges[most] >= _BRIGHT * edges[-1] and counts[most] >= _COMMON * sampled.size)
