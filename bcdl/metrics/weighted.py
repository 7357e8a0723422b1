"""Every metric under many weightings of the same samples at once: what a bootstrap needs.

A weight of 2 counts a sample twice. `classification_metrics` is the case of one weighting with all weights 1.
"""

import numpy as np
from numpy.typing import NDArray

from bcdl.metrics.decisions import predicted_classes
from bcdl.metrics.ranking import (
    Ranking,
    weighted_auroc,
    weighted_average_precision,
    weighted_partial_auroc,
)
from bcdl.metrics.ratio import ratio

Values = NDArray[np.float64]
Labels = NDArray[np.int64]


class WeightedMetrics:
    """Every metric of `METRICS`, and of two classes `partial_auroc`, as a function of the samples' weights.

    Args:
        labels: `(N,)`, 0..K-1, 1 being positive of two.
        probabilities: `(N,)` of the positive class, or `(N, K)`.
        threshold: probability from which a sample counts as positive; K classes take the likeliest one.
    """

    def __init__(self, labels: Labels, probabilities: Values, threshold: float = 0.5) -> None:
        self._two = probabilities.ndim == 1
        scores = np.stack([1 - probabilities, probabilities], axis=1) if self._two else probabilities
        self._classes = scores.shape[1]
        predicted = predicted_classes(probabilities, threshold)
        self._cells = np.eye(self._classes**2)[labels * self._classes + predicted]  # (N, K * K)
        self._reported = [1] if self._two else list(range(self._classes))
        self._rankings = [Ranking(labels == label, scores[:, label]) for label in self._reported]
        self._errors = np.stack([_squared(labels, scores, self._two), _surprise(labels, scores)], axis=1)

    def __call__(self, weights: Values) -> dict[str, Values]:
        """Return every metric for each weighting.

        Args:
            weights: `(D, N)`, 0 or more.

        Returns:
            Arrays `(D,)`; NaN where the weighted samples leave a metric undefined.
        """
        confusion = (weights @ self._cells).reshape(-1, self._classes, self._classes)
        brier, loss = ratio(weights @ self._errors, weights.sum(axis=1, keepdims=True)).T
        return self._ranked(weights) | _decided(confusion, self._two) | {"brier": brier, "loss": loss}

    def _ranked(self, weights: Values) -> dict[str, Values]:
        counts = [ranking.counts(weights) for ranking in self._rankings]
        areas = np.stack([weighted_auroc(*each) for each in counts], axis=1)
        precisions = np.stack([weighted_average_precision(*each) for each in counts], axis=1)
        found = {"auroc": _mean_of_known(areas), "average_precision": _mean_of_known(precisions)}
        return {**found, "partial_auroc": weighted_partial_auroc(*counts[0])} if self._two else found


def _decided(confusion: Values, two: bool) -> dict[str, Values]:
    """Return the metrics of decisions from confusion matrices `(D, K, K)`, row the true class."""
    total, hits = confusion.sum(axis=(1, 2)), np.diagonal(confusion, axis1=1, axis2=2)
    actual, predicted = confusion.sum(axis=2), confusion.sum(axis=1)  # (D, K)
    reported = slice(1, 2) if two else slice(None)
    sensitivity = ratio(hits, actual)
    precision = np.where(actual > 0, ratio(hits, predicted, empty=0.0), np.nan)
    every = total[:, None]
    specificity = ratio(every - actual - predicted + hits, every - actual)
    of_classes = specificity if two else np.where(actual > 0, specificity, np.nan)
    two_occur = np.count_nonzero(actual, axis=1) > 1
    return {
        "accuracy": ratio(hits.sum(axis=1), total),
        "balanced_accuracy": np.where(two_occur, _mean_of_known(sensitivity), np.nan),
        "precision": _mean_of_known(precision[:, reported]),
        "sensitivity": _mean_of_known(sensitivity[:, reported]),
        "specificity": _mean_of_known(of_classes[:, reported]),
        "f1": _mean_of_known(np.where(actual > 0, ratio(2 * hits, actual + predicted), np.nan)[:, reported]),
        "mcc": np.where(two_occur, _matthews(total, hits.sum(axis=1), actual, predicted), np.nan),
    }


def _matthews(total: Values, right: Values, actual: Values, predicted: Values) -> Values:
    """Return the correlation of K classes (Gorodkin 2004); 0 where one class is always predicted."""
    spread = (total**2 - (predicted**2).sum(axis=1)) * (total**2 - (actual**2).sum(axis=1))
    product = right * total - (actual * predicted).sum(axis=1)
    return ratio(product, np.sqrt(np.maximum(spread, 0.0)), empty=0.0)


def _squared(labels: Labels, scores: Values, two: bool) -> Values:
    """Return each sample's squared error `(N,)`: of the positive class of two, summed over K classes."""
    errors = (scores - np.eye(scores.shape[1])[labels]) ** 2
    return errors[:, 1] if two else errors.sum(axis=1)


def _surprise(labels: Labels, scores: Values) -> Values:
    """Return each sample's cross-entropy `(N,)`."""
    likely = np.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
    return -np.log(np.maximum(likely, np.finfo(np.float64).eps))


def _mean_of_known(values: Values) -> Values:
    """Return the mean over the second axis of what is not NaN; NaN where all is."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))
