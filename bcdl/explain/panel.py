"""One sample as a small picture for a page: its views, and the same views under their maps."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.explain.sheet import View, grey_levels, overlay

_ALONE, _BESIDE_OTHERS = (170, 300), (120, 240)  # most pixels of a view, width and height
_IN_A_ROW = 4
_GAP = 4
_JPEG = (  # noise of a detector makes PNG four times as large; full colour keeps outlines sharp
    *(cv2.IMWRITE_JPEG_QUALITY, 88),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
)
_OUTLINE, _NAME, _SHADOW = (76, 201, 240), (255, 209, 102), (0, 0, 0)

Pixels = NDArray[np.uint8]


def sample_panel(views: Sequence[View], explained: bool = True) -> bytes:
    """Return a sample as JPEG: of one view side by side with its map, of several in rows of four over theirs.

    The maps share one scale; a sample without any evidence stays grey.

    Args:
        views: the sample's views; all images have one size.
        explained: whether the maps are drawn.
    """
    height, width = views[0].image.shape
    box = _ALONE if len(views) == 1 else _BESIDE_OTHERS
    scale = min(box[0] / width, box[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    largest = max(float(view.saliency.max()) for view in views)
    plain = [_drawn(view, size) for view in views]
    maps = [_drawn(view, size, largest) for view in views] if explained else []
    if len(views) == 1:
        whole = _row(plain + maps)
    else:
        starts = range(0, len(views), _IN_A_ROW)
        rows = [part[start : start + _IN_A_ROW] for start in starts for part in (plain, maps) if part]
        whole = _column([_row(row) for row in rows])
    encoded = cv2.imencode(".jpg", cv2.cvtColor(whole, cv2.COLOR_RGB2BGR), _JPEG)[1]
    return bytes(encoded.tobytes())


def _drawn(view: View, size: tuple[int, int], largest: float | None = None) -> Pixels:
    """Return a view (h, w, 3) with its name and outlines, under its map where a scale is given."""
    grey = grey_levels(view.image, size)
    picture = grey if largest is None else overlay(grey, view.saliency, size, largest)
    pixels = np.ascontiguousarray(np.clip(picture * 255, 0, 255).astype(np.uint8))
    for outline in view.outlines:
        points = np.round(outline * (size[0] / view.image.shape[1])).astype(np.int32)
        cv2.polylines(pixels, [points], True, _OUTLINE, 1, cv2.LINE_AA)
    for ink, strength in ((_SHADOW, 3), (_NAME, 1)):
        cv2.putText(pixels, view.title, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.38, ink, strength, cv2.LINE_AA)
    return pixels


def _row(pictures: Sequence[Pixels]) -> Pixels:
    gap = np.full((pictures[0].shape[0], _GAP, 3), 255, np.uint8)
    parts = [part for picture in pictures for part in (gap, picture)][1:]
    return np.concatenate(parts, axis=1)


def _column(rows: Sequence[Pixels]) -> Pixels:
    width = max(row.shape[1] for row in rows)
    filled = [
        np.pad(row, ((0, _GAP), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows
    ]
    return np.concatenate(filled)[:-_GAP]
