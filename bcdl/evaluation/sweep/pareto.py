"""Several objectives: which trials no other one beats in all of them."""

from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bcdl.evaluation.style import INK, PALETTE, new_figure, quiet_axes
from bcdl.evaluation.sweep.results import Results

_MOST_NUMBERS = 15
_MOST_PANELS = 3


def unbeaten(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows of costs (N, objectives), lower is better, no other row beats.

    One row beats another if it is nowhere worse and somewhere better.
    """
    nowhere_worse = (costs[:, None] <= costs[None]).all(axis=2)
    somewhere_better = (costs[:, None] < costs[None]).any(axis=2)
    return np.asarray(~(nowhere_worse & somewhere_better).any(axis=0))


def pareto(results: Results) -> Figure:
    """Draw the finished trials by each pair of objectives, those that none beats marked with their number."""
    pairs = list(combinations(range(len(results.objectives)), 2))[:_MOST_PANELS]
    figure = new_figure(6.2 * len(pairs), 4.6, left=0.8)
    figure.subplots_adjust(wspace=0.25)
    for place, pair in enumerate(pairs):
        _draw(figure.add_subplot(1, len(pairs), place + 1), results, pair, place == 0)
    return figure


def _draw(axes: Axes, results: Results, pair: tuple[int, int], first: bool) -> None:
    rows, (x, y) = results.finished, (results.objectives[number] for number in pair)
    best = unbeaten(results.costs(rows))
    title = f"{int(best.sum())} of {len(rows)} trials are beaten by none" if first else ""
    quiet_axes(
        axes, title, *(f"{results.objectives[number]} (best: {results.wish(number)})" for number in pair)
    )
    axes.plot(rows[x][~best], rows[y][~best], "o", color=PALETTE[8], markersize=5, label="beaten")
    front = rows[best].sort_values(x)
    axes.plot(front[x], front[y], "o", color=PALETTE[0], markersize=7, label="beaten by none")
    for row in front.head(_MOST_NUMBERS).to_dict("records"):
        axes.annotate(
            str(row["trial"]), (row[x], row[y]), (6, 4), textcoords="offset points", fontsize=8, color=INK
        )
    if first:
        axes.legend(loc="best", fontsize=9, labelcolor=INK)
