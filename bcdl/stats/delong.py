"""The variance of AUROCs and of their difference, by DeLong, for patients with one or with several samples.

Midranks make it O(n log n) (Sun and Xu 2014, IEEE Signal Processing Letters 21). Samples of one patient are
not independent; their contributions are summed by patient before they are squared (Obuchowski 1997). With one
sample a patient that is DeLong's own formula.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from bcdl.stats.interval import LEVEL, Interval
from bcdl.stats.significance import Test

DELONG = "DeLong"
CLUSTERED = "DeLong, clustered by patient (Obuchowski)"
Labels = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Areas:
    """AUROCs of several scores of the same samples.

    Attributes:
        values: `(S,)`.
        covariance: `(S, S)`; NaN where there are fewer than two patients with, or without, a positive.
        method: whose formula it is.
    """

    values: Scores
    covariance: Scores
    method: str


def areas(labels: Labels, scores: Scores, patients: NDArray[np.int64] | None = None) -> Areas:
    """Return AUROCs and their covariance.

    Args:
        labels: `(N,)`, 1 for positive, 0 for negative.
        scores: `(S, N)`.
        patients: `(N,)` codes; None takes every sample as a patient of its own.

    Source:
        DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44. Obuchowski 1997, Nonparametric analysis of
        clustered ROC curve data, Biometrics 53.
    """
    positive = labels == 1
    clusters = np.arange(len(labels)) if patients is None else np.unique(patients, return_inverse=True)[1]
    method = CLUSTERED if clusters.max(initial=-1) + 1 < len(labels) else DELONG
    count = int(positive.sum()), int((~positive).sum())
    if not all(count):
        size = len(scores)
        return Areas(np.full(size, np.nan), np.full((size, size), np.nan), method)
    of_positives, of_negatives = _placements(positive, scores)
    values = of_positives.mean(axis=1)
    number = int(clusters.max()) + 1
    above = _summed(of_positives - values[:, None], clusters[positive], number) / count[0]
    below = _summed(of_negatives - values[:, None], clusters[~positive], number) / count[1]
    groups = len(np.unique(clusters[positive])), len(np.unique(clusters[~positive]))
    cross = _unbiased(number) * (above @ below.T)
    covariance = _unbiased(groups[0]) * (above @ above.T) + _unbiased(groups[1]) * (below @ below.T)
    return Areas(values, covariance + cross + cross.T, method)


def auroc_interval(labels: Labels, scores: Scores, patients: NDArray[np.int64] | None = None) -> Interval:
    """Return an AUROC with DeLong's interval, cut off at 0 and 1.

    Args:
        labels: `(N,)`, 1 for positive, 0 for negative.
        scores: `(N,)`.
        patients: `(N,)` codes; None takes every sample as a patient of its own.
    """
    found = areas(labels, scores[None], patients)
    value, error = float(found.values[0]), float(np.sqrt(found.covariance[0, 0]))
    reach = float(norm.ppf((1 + LEVEL) / 2)) * error
    low, high = (float(np.clip(end, 0, 1)) for end in (value - reach, value + reach))
    return Interval(value, low, high, found.method)


def auroc_test(
    labels: Labels, first: Scores, second: Scores, patients: NDArray[np.int64] | None = None
) -> Test:
    """Test whether two scores of the same samples have the same AUROC; the difference is first - second."""
    found = areas(labels, np.stack([first, second]), patients)
    difference = float(found.values[0] - found.values[1])
    variance = float(found.covariance[0, 0] + found.covariance[1, 1] - 2 * found.covariance[0, 1])
    return z_test(difference, variance, f"{found.method}, paired")


def z_test(difference: float, variance: float, method: str) -> Test:
    """Return the two-sided test of a difference that is normal with this variance."""
    error = float(np.sqrt(max(variance, 0.0))) if variance == variance else float("nan")
    reach = float(norm.ppf((1 + LEVEL) / 2)) * error
    interval = Interval(difference, difference - reach, difference + reach, method)
    if error == 0:
        return Test(method, 0.0 if difference == 0 else float("inf"), float(difference == 0), interval)
    statistic = difference / error
    return Test(method, statistic, float(2 * norm.sf(abs(statistic))), interval)


def _placements(positive: NDArray[np.bool_], scores: Scores) -> tuple[Scores, Scores]:
    """Return the share of the other class that lies below each positive, and above each negative."""
    every, ups, downs = (
        rankdata(part, axis=1) for part in (scores, scores[:, positive], scores[:, ~positive])
    )
    below = (every[:, positive] - ups) / downs.shape[1]
    above = 1 - (every[:, ~positive] - downs) / ups.shape[1]
    return below, above


def _summed(values: Scores, clusters: NDArray[np.int64], number: int) -> Scores:
    """Return the sum of each row over each cluster, `(S, number)`."""
    return np.stack([np.bincount(clusters, row, minlength=number) for row in values])


def _unbiased(number: int) -> float:
    return number / (number - 1) if number > 1 else float("nan")
