"""What depends only on the order of the scores: ROC and precision-recall curves, areas, Youden's threshold.

Scores that tie share one point of a curve. Labels are 1 for the positive class and 0 for the others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdl.metrics.ratio import ratio

Labels = NDArray[np.int64] | NDArray[np.bool_]
Scores = NDArray[np.float64]
MAX_FPR = 0.2  # of the partial area


class Ranking:
    """Samples in the order of their scores, and what is positive among them.

    Args:
        positive: `(N,)`.
        scores: `(N,)`, higher for what looks more positive.

    Attributes:
        thresholds: `(T + 1,)`, infinity and then the T distinct scores, highest first.
    """

    def __init__(self, positive: NDArray[np.bool_], scores: Scores) -> None:
        self._order = np.argsort(-scores, kind="stable")
        self._positive = positive[self._order].astype(np.float64)
        ranked = scores[self._order]
        self._last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # sample of each tie
        self.thresholds = np.append(np.inf, ranked[self._last])

    def counts(self, weights: Scores) -> tuple[Scores, Scores]:
        """Return the weight of positives and of negatives down to each distinct score, strictest first.

        Args:
            weights: `(D, N)`.

        Returns:
            Two arrays `(D, T + 1)` for T distinct scores; they begin with 0 and end with the totals.
        """
        ordered = weights[:, self._order]
        every = np.cumsum(ordered, axis=1)[:, self._last]
        ordered *= self._positive
        true = np.cumsum(ordered, axis=1)[:, self._last]
        start = ((0, 0), (1, 0))
        return np.pad(true, start), np.pad(every - true, start)


def weighted_auroc(true: Scores, false: Scores) -> Scores:
    """Return the areas under ROC curves, ties counted half; NaN unless both classes have weight.

    Args:
        true: counts of `Ranking`, `(D, T + 1)`.
        false: likewise, of the negatives.

    Returns:
        `(D,)`.
    """
    height = (true[:, 1:] + true[:, :-1]) / 2
    area = np.einsum("dt,dt->d", np.diff(false, axis=1), height)
    return ratio(area, true[:, -1] * false[:, -1])


def weighted_average_precision(true: Scores, false: Scores) -> Scores:
    """Return the sums of precision times the step in recall `(D,)`; NaN unless both classes have weight."""
    precision = ratio(true[:, 1:], true[:, 1:] + false[:, 1:], empty=0.0)
    area = np.einsum("dt,dt->d", np.diff(true, axis=1), precision)
    return np.where(false[:, -1] > 0, ratio(area, true[:, -1]), np.nan)


def weighted_partial_auroc(true: Scores, false: Scores, max_fpr: float = MAX_FPR) -> Scores:
    """Return the areas up to a false positive rate `(D,)`, from 0.5 (chance) to 1; NaN without both classes.

    Args:
        true: counts of `Ranking`, `(D, T + 1)`.
        false: likewise, of the negatives.
        max_fpr: false positive rate up to which the area counts, above 0 and at most 1.

    Source:
        McClish 1989, Analyzing a portion of the ROC curve, Medical Decision Making 9.
    """
    steps = np.diff(false, axis=1)
    width = np.clip(max_fpr * false[:, -1:] - false[:, :-1], 0, steps)
    height = true[:, :-1] + np.diff(true, axis=1) * ratio(width, 2 * steps, empty=0.0)
    area = ratio(np.einsum("dt,dt->d", width, height), true[:, -1] * false[:, -1])
    chance = max_fpr**2 / 2
    return np.asarray((1 + (area - chance) / (max_fpr - chance)) / 2)


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
    true, false, thresholds = _counted(labels, scores)
    with np.errstate(invalid="ignore"):
        return Curve(false / false[-1], true / true[-1], thresholds)


def precision_recall_curve(labels: Labels, scores: Scores) -> Curve:
    """Return precision over recall, from (0, 1); NaN recall where there is no positive."""
    true, false, thresholds = _counted(labels, scores)
    with np.errstate(invalid="ignore"):
        recall, precision = true / true[-1], true / (true + false)
    precision[0] = 1.0
    return Curve(recall, precision, thresholds)


def auroc(labels: Labels, scores: Scores) -> float:
    """Return the area under the ROC curve, ties counted half; NaN unless both classes occur."""
    true, false, _ = _counted(labels, scores)
    return float(weighted_auroc(true[None], false[None])[0])


def average_precision(labels: Labels, scores: Scores) -> float:
    """Return the sum of precision times the step in recall; NaN unless both classes occur."""
    true, false, _ = _counted(labels, scores)
    return float(weighted_average_precision(true[None], false[None])[0])


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


def _counted(labels: Labels, scores: Scores) -> tuple[Scores, Scores, Scores]:
    """Return true positives, false positives and threshold at each distinct score, strictest first."""
    ranking = Ranking(np.asarray(labels) == 1, scores)
    true, false = ranking.counts(np.ones((1, len(scores))))
    return true[0], false[0], ranking.thresholds
