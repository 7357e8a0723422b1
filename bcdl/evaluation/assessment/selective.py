"""The page's section on selective prediction: how often decisions are wrong among those that are surest."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bcdl.evaluation.assessment.engine import DECISION, LevelAssessment
from bcdl.evaluation.assessment.section import Section, png
from bcdl.evaluation.assessment.settings import Settings
from bcdl.evaluation.levels import probabilities
from bcdl.evaluation.predictions import DISAGREEMENT, MUTUAL_INFORMATION, labels
from bcdl.evaluation.style import GRID, INK, QUIET, colour, new_figure, quiet_axes
from bcdl.metrics.decisions import predicted_classes
from bcdl.stats import Drawn, Interval, RiskCoverage, bootstrap, unsureness
from bcdl.stats.selective import COVERAGES

TITLE = "Selective prediction"
TEXT = (
    "Were only the surest samples decided, and the others left to a reader: risk is the share of wrong "
    "decisions among those that are kept, balanced risk its mean over positives and negatives. Confidence is "
    "the distance of the odds from those of the threshold{of_classes}. {others}Excess AURC is the area under "
    "the risk less that of the best possible order; 0 is the best. Orders are judged here, none is chosen."
)
OTHERS = (
    "Disagreement is the standard deviation of the members' probabilities, mutual information what a label "
    "would tell of which member is right. "
)
CONFIDENCE = "confidence"
_BY = {DISAGREEMENT: "disagreement", MUTUAL_INFORMATION: "mutual information"}
_SHOWN = COVERAGES[1::2]  # of the table: every tenth
Orders = dict[str, dict[str, Drawn]]


def selective_section(level: LevelAssessment, settings: Settings, figures: bool = True) -> Section:
    """Return the section of a level's judged samples, with the tables `risk_coverage.csv` and `aurc.csv`.

    Samples are ordered by confidence and, where the predictions have such columns for every sample, by the
    disagreement of several members.

    Args:
        level: judged predictions.
        settings: how; the draws are those of the level.
        figures: whether the curves are drawn.
    """
    orders = _orders(level, settings)
    tables = {"aurc.csv": _areas(orders), "risk_coverage.csv": _curves(orders)}
    pictures = {"figures/risk_coverage.png": png(risk_coverage_curve(orders))} if figures else {}
    of_classes = "" if level.delong is not None else " (of several classes 1 - the largest probability)"
    text = TEXT.format(of_classes=of_classes, others=OTHERS if len(orders) > 1 else "")
    return Section(TITLE, text, tables, pictures)


def uncertainty_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of a table that tell how far several members disagree on each of its samples."""
    return [
        name
        for name in _BY
        if name in table and pd.api.types.is_numeric_dtype(table[name]) and table[name].notna().all()
    ]


def risk_coverage_curve(orders: Orders) -> Figure:
    """Draw risk over coverage for each order of the samples, the first with its interval."""
    figure = new_figure(5.2, 4.0, left=0.75)
    axes = figure.add_subplot()
    quiet_axes(axes, "Risk and coverage", "share of the samples that is decided", "share of wrong decisions")
    for number, (name, drawn) in enumerate(orders.items()):
        intervals = [drawn[f"risk@{share:g}"].interval() for share in COVERAGES]
        _draw(axes, intervals, colour(number), f"by {name}, AURC {drawn['aurc'].value:.3f}", number == 0)
    overall = next(iter(orders.values()))["risk@1"].value
    axes.axhline(overall, color=QUIET, linewidth=1, linestyle=(0, (4, 4)), label="in random order")
    axes.set(xlim=(0, 1.02))
    axes.set_ylim(0, 1.35 * max(axes.get_ylim()[1], 0.01))  # room for the legend
    axes.legend(loc="upper left", fontsize=9, labelcolor=INK, edgecolor=GRID)
    return figure


def _draw(axes: Axes, intervals: list[Interval], ink: str, text: str, band: bool) -> None:
    axes.plot(COVERAGES, [each.value for each in intervals], color=ink, linewidth=2, label=text)
    if band:
        low, high = ([getattr(each, end) for each in intervals] for end in ("low", "high"))
        axes.fill_between(COVERAGES, low, high, color=ink, alpha=0.12, linewidth=0)


def _orders(level: LevelAssessment, settings: Settings) -> Orders:
    truth, shares = labels(level.table), probabilities(level.table)
    threshold = level.thresholds[DECISION]
    wrong = predicted_classes(shares, threshold) != truth
    positive = truth == 1 if shares.ndim == 1 else None
    columns: dict[str, NDArray[np.float64]] = {CONFIDENCE: unsureness(shares, threshold)}
    for name in uncertainty_columns(level.table):
        columns[_BY[name]] = level.table[name].to_numpy(np.float64)
    unit = next(iter(level.drawn.values())).unit
    return {
        name: bootstrap(
            RiskCoverage(wrong, uncertainty, positive), level.patients, settings.draws, settings.seed, unit
        )
        for name, uncertainty in columns.items()
    }


def _curves(orders: Orders) -> pd.DataFrame:
    rows = []
    for name, drawn in orders.items():
        for share in reversed(_SHOWN):
            row: dict[str, object] = {"by": name, "coverage": share}
            for risk in ("risk", "balanced_risk"):
                if f"{risk}@{share:g}" in drawn:
                    row |= _with_ends(risk, drawn[f"{risk}@{share:g}"])
            rows.append(row)
    return pd.DataFrame(rows)


def _areas(orders: Orders) -> pd.DataFrame:
    rows = [
        {"by": name, **_with_ends("aurc", drawn["aurc"]), **_with_ends("excess_aurc", drawn["excess_aurc"])}
        for name, drawn in orders.items()
    ]
    return pd.DataFrame(rows)


def _with_ends(name: str, drawn: Drawn) -> dict[str, float]:
    interval = drawn.interval()
    return {name: interval.value, f"{name}_ci_low": interval.low, f"{name}_ci_high": interval.high}
