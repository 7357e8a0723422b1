"""The figures of a run and of a sweep, as matplotlib figures that the caller saves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bcdl import metrics
from bcdl.evaluation.levels import probabilities
from bcdl.evaluation.predictions import labels
from bcdl.evaluation.style import GRID, INK, PALETTE, QUIET, colour, new_figure, quiet_axes, unit_square

Labels = NDArray[np.int64]
Shares = NDArray[np.float64]
Drawing = Callable[[Axes, NDArray[np.bool_], Shares, str, str], None]
_TITLES = {"auroc": "AUROC", "f1": "F1", "mcc": "MCC"}


def result_figures(table: pd.DataFrame, classes: Sequence[str], threshold: float = 0.5) -> dict[str, Figure]:
    """Return the figures of one split's predictions: `confusion_matrix`, `roc_curve` and `pr_curve`.

    Args:
        table: predictions of one split, of samples or of a coarser level.
        classes: class names by label.
        threshold: probability from which a sample counts as positive.
    """
    known = table[table["label"].notna()]
    truth, shares = labels(known), probabilities(known)
    return {
        "confusion_matrix": confusion_matrix(metrics.confusion_matrix(truth, shares, threshold), classes),
        "roc_curve": roc_curve(truth, shares, classes, threshold),
        "pr_curve": pr_curve(truth, shares, classes, threshold),
    }


def confusion_matrix(counts: Labels, classes: Sequence[str]) -> Figure:
    """Draw `(K, K)` counts, row the true class, shaded by the share of that class."""
    side = 2.6 + 0.7 * len(classes)
    figure = new_figure(side, side)
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.15)
    for (row, column), share in np.ndenumerate(shares):
        ink = "white" if share > 0.6 else INK
        axes.text(
            column, row - 0.06, f"{counts[row, column]}", ha="center", va="center", color=ink, fontsize=14
        )
        axes.text(column, row + 0.2, f"{share:.0%}", ha="center", va="center", color=ink, fontsize=9)
    ticks = range(len(classes))
    quiet_axes(axes, f"Confusion matrix, {counts.sum()} samples", "predicted", "true")
    axes.grid(visible=False)
    axes.set_xticks(ticks, classes)
    axes.set_yticks(ticks, classes, rotation=90, va="center")
    return figure


def roc_curve(
    truth: Labels, shares: Shares, classes: Sequence[str], threshold: float | None = None
) -> Figure:
    """Draw the ROC curve of the positive class, or of each of K classes against the rest.

    Args:
        truth: `(N,)` labels.
        shares: `(N,)` probabilities of the positive class, or `(N, K)`.
        classes: class names by label.
        threshold: marks the operating point of two classes.
    """
    figure = new_figure(5.2, 5.2)
    axes = figure.add_subplot()
    quiet_axes(axes, "ROC curve", "1 - specificity", "sensitivity")
    unit_square(axes)
    if _two_classes(truth):
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=(0, (4, 4)))
    _draw_classes(axes, truth, shares, classes, _draw_roc)
    if threshold is not None and shares.ndim == 1 and _two_classes(truth):
        found = metrics.classification_metrics(truth, shares, threshold)
        _mark(axes, 1 - found["specificity"], found["sensitivity"], threshold)
    _legend(axes, "lower right")
    return figure


def pr_curve(truth: Labels, shares: Shares, classes: Sequence[str], threshold: float | None = None) -> Figure:
    """Draw precision over recall, with arguments as for `roc_curve`; dashes mark the class's share."""
    figure = new_figure(5.2, 5.2)
    axes = figure.add_subplot()
    quiet_axes(axes, "Precision-recall curve", "recall (sensitivity)", "precision")
    unit_square(axes)
    _draw_classes(axes, truth, shares, classes, _draw_pr)
    if threshold is not None and shares.ndim == 1 and _two_classes(truth):
        found = metrics.classification_metrics(truth, shares, threshold)
        _mark(axes, found["sensitivity"], found["precision"], threshold)
    _legend(axes, "best")
    return figure


def learning_curves(
    history: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    names: Sequence[str] = ("loss", "auroc", "accuracy"),
    best_epoch: float | None = None,
) -> Figure:
    """Draw metrics over epochs, a panel a metric, a line a split.

    Args:
        history: epochs and values by `<split>/<metric>`, such as `train/loss`.
        names: the metrics to show; those without history are left out.
        best_epoch: marked by a vertical line.
    """
    shown = [name for name in names if any(key.endswith(f"/{name}") for key in history)]
    figure = new_figure(3.8 * max(len(shown), 1), 3.2, left=0.5)
    for number, name in enumerate(shown):
        axes = figure.add_subplot(1, len(shown), number + 1)
        quiet_axes(axes, _TITLES.get(name, name.replace("_", " ")), "epoch", "")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        for place, split in enumerate(("train", "val")):
            epochs, values = history.get(f"{split}/{name}", ((), ()))
            marker = "o" if len(epochs) < 12 else ""
            axes.plot(
                epochs, values, color=colour(place), linewidth=1.8, marker=marker, markersize=4, label=split
            )
        if best_epoch is not None:
            axes.axvline(best_epoch, color=QUIET, linewidth=1, linestyle=(0, (4, 4)), label="best")
        if number == 0:
            _legend(axes, "best")
    return figure


def _draw_classes(axes: Axes, truth: Labels, shares: Shares, classes: Sequence[str], draw: Drawing) -> None:
    if not _two_classes(truth):
        axes.text(0.5, 0.5, "not defined: one class only", ha="center", color=QUIET)
    elif shares.ndim == 1:
        draw(axes, truth == 1, shares, PALETTE[0], classes[1])
    else:
        for label in np.unique(truth):
            draw(axes, truth == label, shares[:, label], colour(int(label)), classes[label])


def _draw_roc(axes: Axes, positive: NDArray[np.bool_], scores: Shares, ink: str, name: str) -> None:
    curve = metrics.roc_curve(positive, scores)
    axes.plot(
        curve.x, curve.y, color=ink, linewidth=2, label=f"{name}, AUROC {metrics.auroc(positive, scores):.3f}"
    )


def _draw_pr(axes: Axes, positive: NDArray[np.bool_], scores: Shares, ink: str, name: str) -> None:
    curve = metrics.precision_recall_curve(positive, scores)
    text = f"{name}, average precision {metrics.average_precision(positive, scores):.3f}"
    axes.plot(curve.x, curve.y, color=ink, linewidth=2, drawstyle="steps-pre", label=text)
    axes.axhline(positive.mean(), color=ink, linewidth=1, linestyle=(0, (4, 4)))


def _two_classes(truth: Labels) -> bool:
    return len(np.unique(truth)) > 1


def _mark(axes: Axes, x: float, y: float, threshold: float) -> None:
    text = f"threshold {threshold:.3g}"
    axes.plot([x], [y], "o", color=PALETTE[1], markeredgecolor="white", markersize=9, label=text)


def _legend(axes: Axes, place: Literal["best", "lower right"]) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc=place, fontsize=9, labelcolor=INK, edgecolor=GRID, framealpha=0.9)
