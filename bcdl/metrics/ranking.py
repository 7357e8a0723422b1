"""What depends only on the order of the scores: ROC and precision-recall curves, areas, Youden's threshold.

Scores that tie share one point of a curve. Labels are 1 for the positive class and 0 for the others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64] | NDArray[np.bool_]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Points of a curve, from the strictest threshold to the most lenient.

    Attributes:
        x: false positive rate, or recall.
        y: true positive rate, or precision.
        thresholds: score from which a sample counts as positive at each point; the first is infinite.
    """

    x: Scores
    y: Scores
    thresholds: Scores


def roc_curve(labels: Labels, scores: Scores) -> Curve:
    """Return the ROC curve of labels and scores `(N,)`, from (0, 0) to (1, 1); NaN for an absent class."""
    true, false, thresholds = _counts_above(labels, scores)
    with np.errstate(invalid="ignore"):
        return Curve(false / false[-1], true / true[-1], thresholds)


def precision_recall_curve(labels: Labels, scores: Scores) -> Curve:
    """Return precision over recall, from (0, 1); NaN recall where there is no positive."""
    true, false, thresholds = _counts_above(labels, scores)
    with np.errstate(invalid="ignore"):
        recall, precision = true / true[-1], true / (true + false)
    precision[0] = 1.0
    return Curve(recall, precision, thresholds)


def auroc(labels: Labels, scores: Scores) -> float:
    """Return the area under the ROC curve, ties counted half; NaN unless both classes occur."""
    curve = roc_curve(labels, scores)
    return float(np.trapezoid(curve.y, curve.x))


def average_precision(labels: Labels, scores: Scores) -> float:
    """Return the sum of precision times the step in recall; NaN unless both classes occur."""
    if not 0 < np.count_nonzero(labels) < len(labels):
        return float("nan")
    curve = precision_recall_curve(labels, scores)
    return float(np.sum(np.diff(curve.x) * curve.y[1:]))


def youden_threshold(labels: Labels, scores: Scores) -> float:
    """Return the threshold with the largest sensitivity + specificity - 1; NaN unless both classes occur.

    It lies halfway to the next lower score, where a rounding difference changes no decision. Of several
    equally good ones it is the highest.

    Source:
        Youden, Index for rating diagnostic tests, Cancer 1950.
    """
    if not 0 < np.count_nonzero(labels) < len(labels):
        return float("nan")
    curve = roc_curve(labels, scores)
    best = 1 + int(np.argmax(np.round(curve.y - curve.x, 12)[1:]))
    below = curve.thresholds[best + 1] if best + 1 < len(curve.thresholds) else curve.thresholds[best]
    return float((curve.thresholds[best] + below) / 2)


def _counts_above(labels: Labels, scores: Scores) -> tuple[Scores, Scores, Scores]:
    """Return true positives, false positives and threshold at each distinct score, strictest first."""
    order = np.argsort(-scores, kind="stable")
    ranked, positive = scores[order], np.asarray(labels)[order] == 1
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # the last sample of each tie
    true = np.cumsum(positive)[last].astype(np.float64)
    false = last + 1 - true
    return np.append(0.0, true), np.append(0.0, false), np.append(np.inf, ranked[last])
