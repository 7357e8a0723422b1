"""The page's section on robustness: the same test samples under shifts, at what was fitted without any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bcdl.evaluation.assessment.engine import (
    FITTED,
    fitted_calibrator,
    judged_rows,
    with_probabilities,
)
from bcdl.evaluation.assessment.section import Section, png
from bcdl.evaluation.assessment.settings import Settings
from bcdl.evaluation.levels import probabilities
from bcdl.evaluation.predictions import labels
from bcdl.evaluation.style import DPI, PALETTE, QUIET, quiet_axes
from bcdl.evaluation.thresholds import resolve_threshold
from bcdl.metrics.weighted import WeightedMetrics
from bcdl.stats import Drawn, Interval, bootstrap

TITLE = "Robustness"
TEXT = (
    "The same test samples, changed before they are normalised, one shift at a time; severity 0 is none. "
    "Nothing is fitted again: {threshold}the calibration is that of the untouched validation samples. "
    "Differences to the untouched samples are paired, with 95 % intervals of a bootstrap over patients that "
    "are not corrected for their number. {notes}"
)
UNTOUCHED = "untouched"
ROBUSTNESS, FIGURE = "robustness.csv", "figures/robustness.png"
_COLUMNS, _PANEL = 3, (2.9, 2.3)  # panels a row; inches
_REPORTED = ("sensitivity", "specificity", "brier")


@dataclass(frozen=True)
class Condition:
    """A shift at a severity.

    Attributes:
        shift: its name.
        severity: from 1.
        setting: what that is, in words.
    """

    shift: str
    severity: int
    setting: str


def robustness_table(
    predictions: pd.DataFrame, shifted: Mapping[Condition, pd.DataFrame], settings: Settings
) -> tuple[pd.DataFrame, float | None]:
    """Judge the same test samples under shifts; return the table and, of two classes, the threshold.

    Args:
        predictions: table of the untouched validation and test samples, as the model gave them.
        shifted: those of the test samples under each condition.
        settings: how; calibrator and threshold are fitted on the untouched validation samples.

    Returns:
        `shift, severity, setting, auroc, auroc_ci_low, auroc_ci_high, difference, difference_ci_low,
        difference_ci_high, sensitivity, specificity, brier`, a row a condition, the untouched samples first.
    """
    calibrator = fitted_calibrator(predictions, settings.calibration)
    calibrated = with_probabilities(predictions, calibrator)
    known = calibrated[calibrated["label"].notna()]
    threshold = resolve_threshold(settings.threshold, known[known["split"] == FITTED])
    untouched = _drawn(known, threshold, settings)
    rows = [_row(Condition(UNTOUCHED, 0, ""), untouched, untouched)]
    for condition, table in shifted.items():
        drawn = _drawn(with_probabilities(table[table["label"].notna()], calibrator), threshold, settings)
        rows.append(_row(condition, drawn, untouched))
    return pd.DataFrame(rows), threshold if probabilities(known).ndim == 1 else None


def robustness_section(
    table: pd.DataFrame, threshold: float | None, notes: Sequence[str] = (), figures: bool = True
) -> Section:
    """Return the section, with the table `robustness.csv` and the figure `robustness.png`.

    Args:
        table: as `robustness_table` gives it.
        threshold: likewise.
        notes: which shifts were not applied, and why.
        figures: whether the curves are drawn.
    """
    pictures = {FIGURE: png(robustness_curves(table))} if figures else {}
    of_decisions = "" if threshold is None else f"the threshold is the run's own ({threshold:.3f}), "
    text = TEXT.format(threshold=of_decisions, notes=" ".join(notes))
    return Section(TITLE, text.strip(), {ROBUSTNESS: table}, pictures)


def robustness_curves(table: pd.DataFrame) -> Figure:
    """Draw the AUROC over severity, a panel a shift, with its interval; dashes mark the untouched samples."""
    untouched, shifted = table[table["severity"] == 0], table[table["severity"] > 0]
    names = shifted["shift"].drop_duplicates().tolist()
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure = Figure((columns * _PANEL[0] + 0.3, rows * _PANEL[1] + 0.2), DPI, layout="constrained")
    low = min(0.5, float(table[["auroc_ci_low", "auroc"]].min().fillna(0.5).min()))
    for number, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, number + 1)
        quiet_axes(axes, name.replace("_", " "), "", "AUROC" if number % columns == 0 else "")
        _draw(axes, pd.concat([untouched, shifted[shifted["shift"] == name]]))
        axes.set(ylim=(low - 0.02, 1.02), xlim=(-0.25, 3.25))
    return figure


def _draw(axes: Axes, points: pd.DataFrame) -> None:
    severity, ink = points["severity"], PALETTE[0]
    axes.axhline(points["auroc"].iloc[0], color=QUIET, linewidth=1, linestyle=(0, (4, 4)))
    axes.fill_between(
        severity, points["auroc_ci_low"], points["auroc_ci_high"], color=ink, alpha=0.15, linewidth=0
    )
    axes.plot(severity, points["auroc"], color=ink, linewidth=2, marker="o", markersize=4)
    axes.set_xticks(severity, ["none", *(_short(text) for text in points["setting"].iloc[1:])], fontsize=8)


def _short(setting: str) -> str:
    """Return a setting's number, with what stands before it where that is a factor."""
    words = setting.split()
    number = next(word for word in words if word[0].isdigit())
    return f"x {number}" if "x" in words else number


def _drawn(table: pd.DataFrame, threshold: float, settings: Settings) -> dict[str, Drawn]:
    judged = judged_rows(table)
    patients = pd.factorize(judged["patient_id"])[0].astype("int64")
    metrics = WeightedMetrics(labels(judged), probabilities(judged), threshold)
    return bootstrap(metrics, patients, settings.draws, settings.seed)


def _row(condition: Condition, drawn: dict[str, Drawn], untouched: dict[str, Drawn]) -> dict[str, object]:
    nothing = Interval(float("nan"), float("nan"), float("nan"), "")
    auroc = drawn["auroc"].interval()
    tested = drawn["auroc"].minus(untouched["auroc"]).difference if condition.severity else None
    difference = tested or nothing
    return {
        **vars(condition),
        "auroc": auroc.value,
        "auroc_ci_low": auroc.low,
        "auroc_ci_high": auroc.high,
        "difference": difference.value,
        "difference_ci_low": difference.low,
        "difference_ci_high": difference.high,
        **{name: drawn[name].value for name in _REPORTED},
    }
