"""A sheet of explanations: for each sample a row of its views, and below it the same under their maps."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from numpy.typing import NDArray

Picture = NDArray[np.float32]

_WIDTHS = (160, 320)  # pixels of a view on the sheet, at least and at most
_ACROSS = 1400  # pixels of a sheet, unless one sample is wider
_GAP, _TITLE, _CAPTION, _MARGIN = 6, 16, 36, 8  # pixels
_LETTER = 6.4  # pixels, of a caption
_INK, _OUTLINE = "#222222", "#4cc9f0"
_DPI = 100
_OPACITY = 0.65  # of a map's largest value
_HIGHEST = 99.9  # percentile at which the scale ends


@dataclass(frozen=True)
class View:
    """A view that is shown.

    Attributes:
        title: Such as `R-MLO +0.8`, its contribution.
        image: (H, W), grey.
        saliency: (H, W), its map.
        outlines: Of findings, each (N, 2) x and y in its pixels.
    """

    title: str
    image: Picture
    saliency: Picture
    outlines: Sequence[NDArray[np.float64]] = ()


def explanation_sheet(samples: Sequence[Sequence[View]], captions: Sequence[str]) -> Figure:
    """Draw samples in a grid, each as a row of its views and a row of its overlays.

    A sample's maps share one scale, so that a view without evidence stays grey; it ends where a thousandth of
    the pixels is larger, or single pixels would leave the rest dark. Values below 0 are not drawn.

    Args:
        samples: The views of each sample; all images have one size.
        captions: One or two lines for each sample, such as its id and probability; long lines are cut.
    """
    height, width = samples[0][0].image.shape
    shown = int(np.clip(width, *_WIDTHS))
    size = (shown, round(shown * height / width))
    cell = (max(map(len, samples)) * (size[0] + _GAP) - _GAP, 2 * size[1] + _GAP)
    step = cell[1] + _CAPTION + _TITLE + _MARGIN
    columns = min(len(samples), max(1, _ACROSS // (cell[0] + 2 * _MARGIN)))
    full = (columns * (cell[0] + 2 * _MARGIN), -(-len(samples) // columns) * step)
    figure = Figure((full[0] / _DPI, full[1] / _DPI), _DPI)
    for number, (views, caption) in enumerate(zip(samples, captions, strict=True)):
        row, column = divmod(number, columns)
        bottom = full[1] - row * step - _CAPTION - _TITLE - cell[1]
        left = column * (cell[0] + 2 * _MARGIN) + _MARGIN
        place = (left / full[0], bottom / full[1], cell[0] / full[0], cell[1] / full[1])
        axes = figure.add_axes(
            place, frameon=False, xlim=(0, cell[0]), ylim=(cell[1], 0), xticks=[], yticks=[]
        )
        lines = [line[: int(cell[0] / _LETTER)] for line in caption.splitlines()]
        axes.set_title("\n".join(lines), loc="left", fontsize=9, color=_INK, pad=_TITLE)
        _draw_sample(axes, views, size)
    return figure


def _draw_sample(axes: Axes, views: Sequence[View], size: tuple[int, int]) -> None:
    """Draw views of `size` (width, height) in pixels of the sheet, their overlays below them."""
    values = np.concatenate([view.saliency.ravel() for view in views])
    largest = float(np.percentile(values, _HIGHEST))
    largest = largest if largest > 0 else float(values.max())
    for column, view in enumerate(views):
        left, below = column * (size[0] + _GAP), size[1] + _GAP
        grey = grey_levels(view.image, size)
        for top, picture in ((0, grey), (below, overlay(grey, view.saliency, size, largest))):
            extent = (left, left + size[0], top + size[1], top)
            axes.imshow(picture, extent=extent, interpolation="nearest", aspect="auto", zorder=0)
            for outline in view.outlines:
                points = outline * (size[0] / view.image.shape[1]) + np.array([left, top])
                axes.add_patch(Polygon(points, fill=False, edgecolor=_OUTLINE, linewidth=1.0))
        axes.text(left, -4, view.title, fontsize=8, color=_INK)


def grey_levels(image: Picture, size: tuple[int, int]) -> Picture:
    """Return (height, width, 3) from 0 to 1, the brightest thousandth of the pixels white."""
    low, high = float(image.min()), float(np.percentile(image, 99.9))
    levels = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    return np.repeat(_resized(levels, size)[..., None], 3, axis=2)


def overlay(grey: Picture, saliency: Picture, size: tuple[int, int], largest: float) -> Picture:
    """Colour the picture by the map's share of the largest value, the more so the larger it is."""
    strength = np.clip(_resized(saliency, size) / (largest if largest > 0 else 1), 0, 1)
    opacity = _OPACITY * strength[..., None]
    colour = colormaps["inferno"](strength)[..., :3]
    return np.asarray((1 - opacity) * grey + opacity * colour, np.float32)


def _resized(image: Picture, size: tuple[int, int]) -> Picture:
    smaller = size[0] < image.shape[1]
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return np.asarray(resized, np.float32)
