"""Parallel coordinates: an axis a key, a line a finished trial, coloured by the objective."""

from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from bcdl.evaluation.style import INK, QUIET, new_figure
from bcdl.evaluation.sweep.heading import heading
from bcdl.evaluation.sweep.results import Results, cut, too_few
from bcdl.evaluation.sweep.scale import MISSING, Scale, scale
from bcdl.evaluation.sweep.table import PARAMETER

FEWEST = 2  # lines
_APART = 1.75  # inches between axes
_NARROWEST = 6.5  # inches, for the heading


@dataclass(frozen=True)
class Column:
    """An axis: what it is called and where its values lie."""

    name: str
    scale: Scale


def parallel_gap(results: Results) -> str | None:
    """Return why there are no parallel coordinates to draw, None where there are."""
    rows = results.finished
    if len(rows) < FEWEST:
        return too_few(len(rows), FEWEST)
    return None if results.varied else "no key varies among the trials"


def columns(results: Results) -> list[Column]:
    """Return the axes: keys in the order in which they were written, then the objectives.

    Their places are those of the finished trials, worst first, so that the best lie on top.
    """
    rows = results.ranked.iloc[::-1]
    keys = [Column(key, scale(rows[f"{PARAMETER}{key}"])) for key in results.varied]
    return [*keys, *(Column(name, scale(rows[name])) for name in results.objectives)]


def parallel_coordinates(results: Results) -> Figure:
    """Draw a line a finished trial through an axis a key, the best on top."""
    axes_of = columns(results)
    figure = new_figure(max(_NARROWEST, 1.0 + _APART * len(axes_of)), 4.6, left=0.8, right=0.1)
    figure.subplots_adjust(top=0.86, bottom=0.02)
    axes = figure.add_subplot()
    _draw_lines(axes, results, axes_of)
    for number, column in enumerate(axes_of):
        _draw_axis(axes, number, column)
    axes.set(xlim=(-0.05, len(axes_of) - 0.6), ylim=(MISSING - 0.05, 1.04))
    axes.set_axis_off()
    best = f"the {results.wish(0)} {results.objectives[0]}"
    heading(figure, f"{len(results.finished)} finished trials; darkest, on top: {best}")
    return figure


def _draw_lines(axes: Axes, results: Results, axes_of: list[Column]) -> None:
    name, lower = results.objectives[0], results.lower[0]
    values = results.ranked.iloc[::-1][name].to_numpy(float)
    paint = ScalarMappable(
        Normalize(values.min(), values.max()), mpl.colormaps["viridis" if lower else "viridis_r"]
    )
    lines = np.column_stack([column.scale.places for column in axes_of])
    for place, (line, ink) in enumerate(zip(lines, paint.to_rgba(values), strict=True)):
        last = place == len(lines) - 1
        axes.plot(
            line,
            color=ink,
            linewidth=2.6 if last else 1.2,
            alpha=1 if last else 0.75,
            zorder=2 + place / len(lines),
        )


def _draw_axis(axes: Axes, number: int, column: Column) -> None:
    axes.axvline(number, color=QUIET, linewidth=1, zorder=1)
    for place, text in column.scale.ticks:
        axes.plot([number - 0.015, number + 0.015], [place, place], color=QUIET, linewidth=1, zorder=4)
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
        axes.text(number + 0.03, place, text, color=INK, fontsize=8.5, va="center", zorder=5, bbox=box)
    title = cut(column.name, 24) + (" (log)" if column.scale.logarithmic else "")
    axes.text(number, 1.05, title, color=QUIET, fontsize=9.5, ha="center", va="bottom")
