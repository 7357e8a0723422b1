"""A contact sheet: samples as the model sees them, each with its views side by side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from bcdl.evaluation.style import DPI, GRID, INK, QUIET

_SHEET_WIDTH = 16.0  # inches
_CAPTION, _MARGIN = 0.36, 0.08
_LETTER = 0.068  # inches, of a caption
_CELL_WIDTHS = (1.5, 5.2)
_GAP = 0.02  # of a view's width
_OUTLINE = "#ff5a5f"


@dataclass(frozen=True)
class Frame:
    """A place on the wall.

    Attributes:
        name: such as `R-CC`; empty where side and view are unknown.
        image: `(C, H, W)` as the model sees it; None where the view is missing.
        outlines: of findings, each `(N, 2)` x and y in its pixels.
    """

    name: str
    image: NDArray[np.float32] | None
    outlines: Sequence[NDArray[np.float64]] = ()


def contact_sheet(
    samples: Sequence[Sequence[Frame]], captions: Sequence[str], columns: int | None = None
) -> Figure:
    """Draw samples in a grid; missing views are empty frames.

    All samples share one grey scale, from the darkest value to the 99.9th percentile, so that changes of
    brightness show.

    Args:
        samples: the frames of each sample, all images of one size.
        captions: one or two lines for each sample, such as its id and label; long lines lose their middle.
        columns: most samples side by side; None fits them into 16 inches.
    """
    height, width = _view_size(samples)
    widest = max(len(frames) for frames in samples)
    cell_width = float(np.clip(widest * width / DPI, *_CELL_WIDTHS))
    cell_height = cell_width * height / (width * (widest + _GAP * (widest - 1)))
    columns = columns or max(1, int(_SHEET_WIDTH // cell_width))
    rows = math.ceil(len(samples) / columns)
    columns = math.ceil(len(samples) / rows)
    figure = Figure((columns * (cell_width + _MARGIN), rows * (cell_height + _CAPTION + _MARGIN)), DPI)
    window = _window(samples)
    for number, (frames, caption) in enumerate(zip(samples, captions, strict=True)):
        row, column = divmod(number, columns)
        left = column * (cell_width + _MARGIN) + _MARGIN / 2
        top = row * (cell_height + _CAPTION + _MARGIN) + _CAPTION
        axes = _axes(figure, left, top, cell_width, cell_height)
        _draw_sample(axes, frames, (height, width), widest, window)
        lines = [_shortened(line, int(cell_width / _LETTER)) for line in caption.splitlines()]
        axes.set_title("\n".join(lines), loc="left", fontsize=8, color=INK, pad=3)
    return figure


def _shortened(line: str, length: int) -> str:
    half = max(1, (length - 1) // 2)
    return line if len(line) <= length else f"{line[:half]}…{line[-half:]}"


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    full_width, full_height = figure.get_size_inches()
    bottom = full_height - top - height
    return figure.add_axes(
        (left / full_width, bottom / full_height, width / full_width, height / full_height), frameon=False
    )


def _draw_sample(
    axes: Axes, frames: Sequence[Frame], size: tuple[int, int], widest: int, window: tuple[float, float]
) -> None:
    height, width = size
    step = width * (1 + _GAP)
    for number, frame in enumerate(frames):
        left = number * step
        if frame.image is None:
            axes.add_patch(Rectangle((left, 0), width, height, facecolor=GRID))
            axes.text(
                left + width / 2, height / 2, "missing", ha="center", va="center", color=QUIET, fontsize=8
            )
        else:
            extent = (left, left + width, height, 0)
            axes.imshow(_grey(frame.image, window), extent=extent, interpolation="nearest", aspect="auto")
            for outline in frame.outlines:
                axes.add_patch(
                    Polygon(outline + np.array([left, 0]), fill=False, edgecolor=_OUTLINE, linewidth=0.8)
                )
        ink = QUIET if frame.image is None else "#ffd166"
        name = axes.text(left + width * 0.03, height * 0.02, frame.name, va="top", color=ink, fontsize=7)
        if frame.image is not None:
            name.set_path_effects([withStroke(linewidth=2, foreground="black")])
    axes.set(xlim=(0, widest * step - width * _GAP), ylim=(height, 0), xticks=[], yticks=[])


def _grey(image: NDArray[np.float32], window: tuple[float, float]) -> NDArray[np.float32]:
    """Return `(H, W, 3)` from 0 to 1."""
    low, high = window
    levels = np.moveaxis(np.clip((image - low) / (high - low), 0, 1), 0, -1)
    return levels if levels.shape[-1] == 3 else np.repeat(levels[..., :1], 3, axis=-1)


def _window(samples: Sequence[Sequence[Frame]]) -> tuple[float, float]:
    pixels = np.concatenate(
        [frame.image.ravel() for frames in samples for frame in frames if frame.image is not None]
    )
    low, high = float(pixels.min()), float(np.percentile(pixels, 99.9))
    return low, max(high, low + 1e-6)


def _view_size(samples: Sequence[Sequence[Frame]]) -> tuple[int, int]:
    shapes = [frame.image.shape for frames in samples for frame in frames if frame.image is not None]
    return shapes[0][1], shapes[0][2]
