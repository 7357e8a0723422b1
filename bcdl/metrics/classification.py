"""All metrics of a set of predictions, under the names that runs log."""

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning

from bcdl.metrics.probabilities import Values, as_array
from bcdl.metrics.ranking import auroc, average_precision
from bcdl.scores import METRICS

Probabilities = NDArray[np.float64]
Labels = NDArray[np.int64]


def classification_metrics(labels: Values, probabilities: Values, threshold: float = 0.5) -> dict[str, float]:
    """Return every metric of `METRICS`.

    Args:
        labels: `(N,)`, 0..K-1, 1 being positive of two; negative where unlabelled, which leaves the row out.
        probabilities: `(N,)` of the positive class, or `(N, K)`.
        threshold: probability from which a sample counts as positive; K classes take the most probable one.

    Returns:
        For two classes the positive class's metrics; for K the mean over the classes that occur, one versus
        the rest. `brier` is the mean squared error of the probability (summed over classes for K), `loss` the
        mean cross-entropy without weights. Where nothing is predicted positive, `precision` is 0; where all
        predictions are alike, `mcc` is 0. What the labels leave undefined is NaN, with one
        `UndefinedMetricWarning`.
    """
    known = as_array(labels) >= 0
    truth = as_array(labels)[known].astype(np.int64)
    shares = as_array(probabilities)[known]
    occurring = np.unique(truth)
    _warn_of_absent_classes(occurring, 2 if shares.ndim == 1 else shares.shape[1])
    if not len(truth):
        return dict.fromkeys(METRICS, float("nan"))
    confusion = confusion_matrix(truth, shares, threshold)
    scores = shares if shares.ndim == 2 else np.stack([1 - shares, shares], axis=1)
    reported = np.array([1]) if shares.ndim == 1 else occurring
    return {
        "auroc": _mean_over(reported, truth, scores, auroc),
        "average_precision": _mean_over(reported, truth, scores, average_precision),
        **_decision_metrics(confusion, reported),
        "brier": _brier(truth, shares),
        "loss": _cross_entropy(truth, scores),
    }


def confusion_matrix(labels: Values, probabilities: Values, threshold: float = 0.5) -> Labels:
    """Return `(K, K)` counts: row the true class, column the predicted one."""
    truth, predicted = as_array(labels).astype(np.int64), predicted_classes(probabilities, threshold)
    number = 2 if np.ndim(probabilities) == 1 else np.shape(probabilities)[1]
    known = truth >= 0
    return np.bincount(truth[known] * number + predicted[known], minlength=number**2).reshape(number, number)


def predicted_classes(probabilities: Values, threshold: float = 0.5) -> Labels:
    """Return `(N,)` classes: whether `(N,)` shares reach the threshold, or the likeliest of `(N, K)`."""
    shares = as_array(probabilities)
    return (shares >= threshold).astype(np.int64) if shares.ndim == 1 else shares.argmax(axis=1)


def _decision_metrics(confusion: Labels, reported: Labels) -> dict[str, float]:
    total, hits = confusion.sum(), np.diagonal(confusion)
    actual, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    sensitivity = _ratio(hits, actual)
    absent = actual[reported] == 0
    precision = np.where(absent, np.nan, _ratio(hits, predicted, empty=0.0)[reported])
    f1 = np.where(absent, np.nan, _ratio(2 * hits, actual + predicted)[reported])
    specificity = _ratio(total - actual - predicted + hits, total - actual)
    one_class = np.count_nonzero(actual) < 2
    return {
        "accuracy": float(hits.sum() / total),
        "balanced_accuracy": float("nan") if one_class else float(np.nanmean(sensitivity)),
        "precision": float(precision.mean()),
        "sensitivity": float(sensitivity[reported].mean()),
        "specificity": float(specificity[reported].mean()),
        "f1": float(f1.mean()),
        "mcc": float("nan") if one_class else _matthews(total, hits.sum(), actual, predicted),
    }


def _ratio(part: Labels, whole: Labels, empty: float = float("nan")) -> Probabilities:
    ratio: Probabilities = np.divide(part, whole, out=np.full(part.shape, empty), where=whole > 0)
    return ratio


def _matthews(total: int, right: int, actual: Labels, predicted: Labels) -> float:
    """Return the correlation of K classes (Gorodkin 2004); 0 where one class is always predicted."""
    n, truth, guess = float(total), actual.astype(np.float64), predicted.astype(np.float64)
    spread = (n**2 - guess @ guess) * (n**2 - truth @ truth)
    return float((right * n - truth @ guess) / np.sqrt(spread)) if spread > 0 else 0.0


def _mean_over(
    classes: Labels,
    truth: Labels,
    scores: Probabilities,
    metric: Callable[[NDArray[np.bool_], Probabilities], float],
) -> float:
    return float(np.mean([metric(truth == label, scores[:, label]) for label in classes]))


def _brier(truth: Labels, shares: Probabilities) -> float:
    if shares.ndim == 1:
        return float(np.mean((shares - truth) ** 2))
    return float(np.mean(np.sum((shares - np.eye(shares.shape[1])[truth]) ** 2, axis=1)))


def _cross_entropy(truth: Labels, scores: Probabilities) -> float:
    likely = np.take_along_axis(scores, truth[:, None], axis=1)
    return float(-np.mean(np.log(np.maximum(likely, np.finfo(np.float64).eps))))


def _warn_of_absent_classes(occurring: Labels, number: int) -> None:
    absent = sorted(set(range(number)) - set(occurring.tolist()))
    if not absent:
        return
    outcome = "metrics that need two classes are NaN" if len(occurring) < 2 else "means leave it out"
    warnings.warn(
        f"class {', '.join(map(str, absent))} does not occur among the labels: {outcome}",
        UndefinedMetricWarning,
        stacklevel=3,
    )
