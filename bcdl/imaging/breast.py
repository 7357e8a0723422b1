"""Find the breast on a mammogram: what belongs to it, its box, and the side of the chest wall.

Done at reduced size and from the background: of what rises clearly above the air, the largest piece that is
not thin (as text, frames and fog along a film's edges are) is the breast's core, which grows to the skin.
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.imaging.air import rise_above_air
from bcdl.imaging.geometry import Crop, Mask, Pixels

Side = Literal["left", "right"]
Values = NDArray[np.float32]
Small = NDArray[np.uint8]  # a mask at reduced size, 0 or 1

PLAUSIBLE_SHARE = (0.03, 0.95)
"""Share of the image that a breast covers. Below 3 %, 22 cm2 of the largest detector (24 x 30 cm), lie
markers and scraps of a breast; above 95 % no air is left around the skin: it is cut off, or was not found."""

_WORKING = 512  # pixels of the longer side at which the breast is searched for
_NOISES = 4.0  # standard deviations of the air's noise above which tissue begins
_LEAST_RISE = 0.02  # of the brightest tissue's rise above the air: where tissue begins without noise
_CORE = 0.25  # of the tissue's median rise: fog stays below, fat does not
_THIN = 0.02  # of the longer side: half the width up to which things are text, frames or fog
_SKIN = 0.045  # of the longer side: how far skin and nipple may lie outside the core
_RIM = 0.004  # of the longer side: added so that it is rather too much than too little
_FRAME, _BRIGHT = 0.05, 0.3  # the widest frame, of a side; how bright it is at least, of the image's range
_MARGIN = 0.01  # of the box's longer side
_TAPER = 1.25  # how many times as high the breast is at the chest wall as at its tip, at least


def foreground(image: Pixels) -> Mask | None:
    """Return which pixels (H, W) of a grey image (H, W) belong to the breast, None where none is found.

    The skin is inside, with a rim of about half a percent of the image's longer side. Frames along the edges
    of the image, text and markers are outside, but for what touches the breast.
    """
    small = _reduced(image)
    inner = _inside_frame(small)
    rise, noise = rise_above_air(_smoothed(small[inner]))
    least = max(_NOISES * noise, _LEAST_RISE * float(np.percentile(rise, 99)))
    found = np.zeros(small.shape, np.uint8)
    found[inner] = _grown(rise, least)
    if found.mean() < PLAUSIBLE_SHARE[0]:
        return None
    enlarged = cv2.resize(found * np.uint8(255), image.shape[::-1], interpolation=cv2.INTER_LINEAR)
    cv2.threshold(enlarged, 127, 1, cv2.THRESH_BINARY, dst=enlarged)
    breast: Mask = enlarged.view(np.bool_)
    return breast


def share(mask: Mask) -> float:
    """Return the share of the image that a mask (H, W) covers; `PLAUSIBLE_SHARE` of it may be a breast."""
    return float(cv2.countNonZero(mask.view(np.uint8)) / mask.size)


def breast_box(mask: Mask, wall: Side | None) -> Crop:
    """Return (top, left, height, width) around a mask (H, W) that is not empty, inside the image.

    A margin of 1 % of the box's longer side is added, but none at the chest wall, where a frame may lie.

    Args:
        mask: (H, W).
        wall: The side of its chest wall (`chest_wall`).
    """
    top, left, height, width = _bounds(mask)
    margin = round(_MARGIN * max(height, width))
    right = min(mask.shape[1], left + width + (0 if wall == "right" else margin))
    left = max(0, left - (0 if wall == "left" else margin))
    bottom, top = min(mask.shape[0], top + height + margin), max(0, top - margin)
    return top, left, bottom - top, right - left


def chest_wall(image: Pixels | Mask) -> Side | None:
    """Return on which side of a grey image (H, W), or of a breast's mask (H, W), the chest wall lies.

    A breast tapers from the chest wall to the nipple. None where it is about as high on both sides, or where
    there is no breast.
    """
    mask: Mask | None = image if image.dtype == np.bool_ else foreground(image)  # type: ignore[arg-type, assignment]
    if mask is None or not mask.any():
        return None
    top, left, height, width = _bounds(mask)
    inside, edge = mask[top : top + height, left : left + width], max(1, width // 10)
    first, last = np.count_nonzero(inside[:, :edge]), np.count_nonzero(inside[:, -edge:])
    if max(first, last) < _TAPER * min(first, last):
        return None
    return "left" if first > last else "right"


def _bounds(mask: Mask) -> Crop:
    """Return the smallest (top, left, height, width) around a mask (H, W) that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return top, left, int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left


def blank(image: Pixels, mask: Mask) -> Pixels:
    """Return an image (H, W) or (H, W, C) with everything outside a mask (H, W) set to 0."""
    kept: Pixels = cv2.copyTo(image, mask.view(np.uint8))
    return kept.reshape(image.shape)


def _reduced(image: Pixels) -> Pixels:
    """Return an image (H, W) at working size."""
    factor = _WORKING / max(image.shape)
    if factor >= 1:
        return image
    height, width = (max(1, round(side * factor)) for side in image.shape)
    if factor < 0.5:  # some of the pixels are enough, and quicker
        image = cv2.resize(image, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
    reduced: Pixels = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return reduced


def _smoothed(small: Pixels) -> Values:
    """Return an image without most of its noise and without its finest lines."""
    smooth: Values = cv2.GaussianBlur(cv2.medianBlur(small, 5).astype(np.float32), (5, 5), 0)
    return smooth


def _inside_frame(grey: Pixels) -> tuple[slice, slice]:
    """Return the rows and columns inside a bright frame, which may lie along some of the edges only."""
    dark, bright = (float(value) for value in np.percentile(grey, (1, 99.5)))
    shares = (grey.astype(np.float32) - dark) / max(bright - dark, 1)
    top, bottom, left, right = map(_frame_width, (shares, shares[::-1], shares.T, shares.T[::-1]))
    return slice(top, grey.shape[0] - bottom), slice(left, grey.shape[1] - right)


def _frame_width(shares: Values) -> int:
    """Return how many of the first rows a frame and its blurred edge take: nearly all bright, soon dark."""
    darkest = np.percentile(shares[: round(_FRAME * len(shares)) + 2], 10, axis=1)
    ends = np.flatnonzero((darkest[:-2] >= _BRIGHT) & (darkest[2:] < darkest[:-2] / 4))
    return int(ends[0]) + 3 if ends.size else 0


def _grown(rise: Values, least: float) -> Small:
    """Return the breast at reduced size, its holes filled; empty where nothing is thick enough for a core."""
    tissue = rise > least
    if not tissue.any():
        return tissue.astype(np.uint8)
    dense = (rise > max(least, _CORE * float(np.median(rise[tissue])))).astype(np.uint8)
    thick = cv2.morphologyEx(
        dense, cv2.MORPH_OPEN, _disc(_THIN, rise), borderType=cv2.BORDER_CONSTANT, borderValue=(0,)
    )
    core = _largest(thick)
    near = cv2.distanceTransform(1 - core, cv2.DIST_L2, cv2.DIST_MASK_5) <= _SKIN * max(rise.shape)
    grown = _largest((near & tissue).astype(np.uint8))
    rimmed = cv2.dilate(grown, _disc(_RIM, rise))
    outlines, _ = cv2.findContours(rimmed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled: Small = cv2.drawContours(rimmed, outlines, -1, (1,), cv2.FILLED)
    return filled


def _largest(mask: Small) -> Small:
    """Return the largest connected piece of a mask; an empty mask as it is."""
    pieces, labels, statistics, _ = cv2.connectedComponentsWithStats(mask)
    if pieces < 2:
        return mask
    piece: Mask = labels == 1 + statistics[1:, cv2.CC_STAT_AREA].argmax()
    return piece.astype(np.uint8)


def _disc(radius: float, like: Values) -> Small:
    """Return a disc whose radius is a share of an image's longer side, of one pixel at least."""
    pixels = max(1, round(radius * max(like.shape)))
    disc: Small = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return disc
