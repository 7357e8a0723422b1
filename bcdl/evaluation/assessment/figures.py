"""The figures of an assessment, as matplotlib figures that the caller saves."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bcdl.evaluation.assessment.engine import DECISION, LevelAssessment
from bcdl.evaluation.assessment.subgroups import GAP, Subgroups
from bcdl.evaluation.figures import result_figures
from bcdl.evaluation.levels import probabilities
from bcdl.evaluation.predictions import labels
from bcdl.evaluation.style import GRID, INK, PALETTE, QUIET, new_figure, quiet_axes, unit_square
from bcdl.stats import NetBenefit, reliability

_THRESHOLDS = tuple(np.round(np.arange(0.01, 1.0, 0.01), 2).tolist())
_DASHES = (0, (4, 4))
_ROW = 0.27  # inches of a subgroup's line


def assessment_figures(
    level: LevelAssessment, classes: Sequence[str], parts: Subgroups | None
) -> dict[str, Figure]:
    """Return the figures of a level by name: of two classes with calibration, net benefit and subgroups.

    Args:
        level: judged predictions.
        classes: class names by label.
        parts: their subgroups, where there are any.
    """
    figures = result_figures(level.table, classes, level.thresholds[DECISION])
    if level.delong is None or level.table["label"].nunique() < 2:
        return figures
    figures |= {"reliability": reliability_diagram(level), "net_benefit": decision_curve(level)}
    if parts is not None and len(parts.table):
        figures["subgroups"] = subgroup_plot(parts.table, level.drawn[GAP].value)
    return figures


def reliability_diagram(level: LevelAssessment) -> Figure:
    """Draw observed over predicted probability in bins of equal mass, with Wilson intervals."""
    points = reliability(labels(level.table), probabilities(level.table))
    figure = new_figure(5.2, 5.2)
    axes = figure.add_subplot()
    quiet_axes(axes, "Reliability", "predicted probability", "observed share of positives")
    unit_square(axes)
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=_DASHES)
    reach = np.abs(points[["low", "high"]].to_numpy().T - points["observed"].to_numpy())
    axes.errorbar(
        points["predicted"],
        points["observed"],
        yerr=reach,
        fmt="o",
        color=PALETTE[0],
        elinewidth=1,
        markersize=6,
    )
    error = level.drawn["ece"].interval()
    text = f"calibration error {error.value:.3f}, {len(points)} bins of equal mass"
    axes.text(0.02, 0.95, text, color=INK, fontsize=9)
    return figure


def decision_curve(level: LevelAssessment) -> Figure:
    """Draw the net benefit over the threshold, beside calling everybody back and nobody."""
    shares = probabilities(level.table)
    measured = NetBenefit(labels(level.table), shares, _THRESHOLDS)(np.ones((1, len(shares))))
    figure = new_figure(5.2, 4.0, left=0.75)
    axes = figure.add_subplot()
    quiet_axes(axes, "Net benefit", "threshold probability", "net benefit")
    for place, (name, text) in enumerate({"model": "model", "all": "call everybody back"}.items()):
        values = [float(measured[f"{name}@{threshold:g}"][0]) for threshold in _THRESHOLDS]
        axes.plot(_THRESHOLDS, values, color=PALETTE[place], linewidth=2, label=text)
    axes.axhline(0, color=QUIET, linewidth=1, linestyle=_DASHES, label="call nobody back")
    prevalence = float((labels(level.table) == 1).mean())
    axes.set(xlim=(0, 1), ylim=(-0.25 * prevalence, 1.1 * prevalence))
    axes.legend(loc="upper right", fontsize=9, labelcolor=INK, edgecolor=GRID)
    return figure


def subgroup_plot(table: pd.DataFrame, overall: float) -> Figure:
    """Draw the AUROC of every subgroup with its interval; small ones are hollow.

    Args:
        table: as `Subgroups.table`.
        overall: of all samples, a dashed line.
    """
    figure = new_figure(6.4, 1.0 + _ROW * len(table), left=2.4)
    axes = figure.add_subplot()
    quiet_axes(axes, "AUROC by subgroup", "AUROC (hollow: a small group)", "")
    places = np.arange(len(table))[::-1]
    for place, row in zip(places, table.to_dict("records"), strict=True):
        axes.plot(
            [row["auroc_ci_low"], row["auroc_ci_high"]], [place, place], color=PALETTE[0], linewidth=1.5
        )
        face = "white" if row["small"] else PALETTE[0]
        axes.plot([row["auroc"]], [place], "o", color=PALETTE[0], markerfacecolor=face, markersize=6)
    texts = [
        f"{column}: {group} ({n})" for column, group, n in table[["column", "group", "samples"]].to_numpy()
    ]
    axes.set_yticks(places, texts)
    axes.axvline(overall, color=QUIET, linewidth=1, linestyle=_DASHES)
    axes.set(ylim=(-0.6, len(table) - 0.4))
    return figure
