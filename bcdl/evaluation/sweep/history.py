"""How a sweep got better: the value of each trial, and the best so far."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bcdl.evaluation.style import GRID, INK, PALETTE, new_figure, quiet_axes
from bcdl.evaluation.sweep.results import Results

LOST = {"pruned": ("v", "#e69f00"), "failed": ("x", "#d55e00"), "killed": ("x", "#6b6b6b")}


def history_gap(results: Results) -> str | None:
    """Return why there is no history to draw, None where there is."""
    if results.finished.empty:
        return "no trial has finished yet"
    return "there is one trial only" if len(results.table) == 1 else None


def best_so_far(results: Results) -> tuple[list[int], list[float]]:
    """Return the numbers of the finished trials, and the best value up to each of them."""
    rows = results.finished.sort_values("trial")
    values = rows[results.objectives[0]].to_numpy(float)
    best = np.minimum.accumulate(values) if results.lower[0] else np.maximum.accumulate(values)
    return rows["trial"].tolist(), best.tolist()


def history(results: Results) -> Figure:
    """Draw the first objective over the trials, the best so far as a line, and where trials were lost."""
    name = results.objectives[0]
    figure = new_figure(7.5, 4.2, left=0.8)
    axes = figure.add_subplot()
    several = ", whiskers: SD over the jobs" if results.finished[f"{name} sd"].notna().any() else ""
    quiet_axes(axes, f"{name} of each trial{several}", "trial", f"{name} (best: {results.wish(0)})")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
    rows = results.finished
    axes.errorbar(
        rows["trial"], rows[name], rows[f"{name} sd"].fillna(0), fmt="none", ecolor=GRID, elinewidth=2
    )
    axes.plot(rows["trial"], rows[name], "o", color=PALETTE[0], markersize=5, label="finished")
    numbers, best = best_so_far(results)
    last = [*numbers, int(results.table["trial"].max())], [*best, best[-1]]
    axes.plot(*last, color=PALETTE[2], linewidth=2, drawstyle="steps-post", label="best so far")
    _mark_lost(axes, results)
    place = (0, -0.13)  # below the axis
    axes.legend(fontsize=9, labelcolor=INK, loc="upper left", bbox_to_anchor=place, frameon=False, ncol=5)
    figure.subplots_adjust(bottom=0.2)
    return figure


def _mark_lost(axes: Axes, results: Results) -> None:
    """Mark the trials that do not count: at their value, or at the bottom where they have none."""
    for state, (marker, ink) in LOST.items():
        rows = results.table[results.table["state"] == state]
        values = rows[results.objectives[0]]
        known, label = values.notna(), state if len(rows) else None
        axes.plot(rows["trial"][known], values[known], marker, color=ink, label=label)
        bottom = axes.get_xaxis_transform()
        axes.plot(rows["trial"][~known], [0.025] * int((~known).sum()), marker, color=ink, transform=bottom)
