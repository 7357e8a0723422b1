"""The figure of free-response ROC curves, a line a method."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from bcdl.evaluation.style import GRID, INK, colour, new_figure, quiet_axes
from bcdl.stats import Froc, Interval
from bcdl.stats.froc import MEAN, RATES

_LEAST, _MOST = 1 / 16, 8.0  # false marks an image that are shown


def froc_curves(curves: Mapping[str, Froc], intervals: Mapping[str, Mapping[str, Interval]]) -> Figure:
    """Draw sensitivity over false marks an image, on a logarithmic axis.

    Args:
        curves: By name.
        intervals: Of each curve, as `froc_intervals` gives them: drawn as bars, the mean beside the name.
    """
    figure = new_figure(6.4, 5.0)
    axes = figure.add_subplot()
    quiet_axes(axes, "Free-response ROC", "false marks an image", "share of lesions found")
    for number, (name, curve) in enumerate(curves.items()):
        found, nudge = intervals[name], 1.02 ** (number - len(curves) / 2)  # bars beside each other
        x = np.append(curve.false_marks, max(_MOST, curve.false_marks[-1]))
        y = np.append(curve.sensitivity, curve.sensitivity[-1])
        label = f"{name}, mean {found[MEAN].value:.2f}"
        axes.plot(x, y, color=colour(number), linewidth=1.8, label=label)
        for rate in RATES:
            each = found[f"{rate:g}"]
            axes.plot([rate * nudge] * 2, [each.low, each.high], color=colour(number), linewidth=1, alpha=0.6)
    axes.set_xscale("log", base=2)
    axes.set(xlim=(_LEAST, _MOST), ylim=(-0.02, 1.02), xticks=RATES)
    axes.set_xticklabels([f"{rate:g}" for rate in RATES])
    axes.legend(loc="lower right", fontsize=9, labelcolor=INK, edgecolor=GRID, framealpha=0.9)
    return figure
