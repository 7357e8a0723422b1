"""Statistics of a screening programme, as functions of the samples' weights.

Each is a `Statistic` of two classes: give it to `bootstrap` for its interval. Labels are 1 for cancer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdl.metrics.ratio import ratio

Values = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class ProbabilisticF1:
    """RSNA's pF1: F1 with probabilities in place of decisions.

    Args:
        labels: `(N,)`.
        probabilities: `(N,)`.

    Source:
        RSNA Screening Mammography Breast Cancer Detection, evaluation page, 2023.
    """

    labels: Labels
    probabilities: Values

    def __call__(self, weights: Values) -> dict[str, Values]:
        """Return `pf1` `(D,)` for weights `(D, N)`; 0 where nothing is found, NaN without a cancer."""
        found = weights @ (self.probabilities * (self.labels == 1))
        called, cancers = weights @ self.probabilities, weights @ (self.labels == 1).astype(np.float64)
        return {"pf1": np.where(cancers > 0, 2 * ratio(found, called + cancers, 0.0), np.nan)}


class Operating:
    """What a threshold does to those who are screened.

    `recall_rate` is the share that is called back, `cancers_per_1000` how many cancers a thousand examined
    samples yield. With a prevalence, the values that depend on it are those of a population with that share
    of cancers, from the sensitivity and the specificity found here (Bayes).

    Args:
        labels: `(N,)`.
        probabilities: `(N,)`.
        threshold: probability from which a sample is called back.
        prevalence: share of cancers among those screened, above 0 and below 1; None takes the samples' own.
    """

    def __init__(
        self, labels: Labels, probabilities: Values, threshold: float, prevalence: float | None = None
    ) -> None:
        cancer, called = labels == 1, probabilities >= threshold
        parts = [cancer & called, cancer, ~cancer & ~called, ~cancer]
        self._parts, self._prevalence = np.stack(parts, axis=1).astype(np.float64), prevalence

    def __call__(self, weights: Values) -> dict[str, Values]:
        """Return sensitivity, specificity, ppv, npv, recall_rate and cancers_per_1000, each `(D,)`."""
        hits, cancers, spared_others, others = (weights @ self._parts).T
        sensitivity, specificity = ratio(hits, cancers), ratio(spared_others, others)
        known = self._prevalence is not None
        prevalence = np.full(len(weights), self._prevalence) if known else ratio(cancers, cancers + others)
        found, false = _shares(sensitivity, prevalence), _shares(1 - specificity, 1 - prevalence)
        spared, missed = (1 - prevalence) - false, prevalence - found
        return {
            "sensitivity": sensitivity,
            "specificity": specificity,
            "ppv": ratio(found, found + false),
            "npv": ratio(spared, spared + missed),
            "recall_rate": found + false,
            "cancers_per_1000": 1000 * found,
        }


@dataclass(frozen=True)
class NetBenefit:
    """Net benefit over a range of thresholds: cancers found, less false alarms at their exchange rate.

    Args:
        labels: `(N,)`.
        probabilities: `(N,)`, calibrated: a threshold is a probability at which one would act.
        thresholds: above 0 and below 1.

    Source:
        Vickers and Elkin 2006, Decision curve analysis, Medical Decision Making 26.
    """

    labels: Labels
    probabilities: Values
    thresholds: tuple[float, ...]

    def __call__(self, weights: Values) -> dict[str, Values]:
        """Return `model@t` and `all@t` `(D,)` for every threshold t; calling back nobody has benefit 0."""
        cancer = self.labels == 1
        total, cancers = weights.sum(axis=1), weights @ cancer.astype(np.float64)
        found = {}
        for threshold in self.thresholds:
            called, odds = self.probabilities >= threshold, threshold / (1 - threshold)
            worth = np.where(cancer, 1.0, -odds) * called
            found[f"model@{threshold:g}"] = ratio(weights @ worth, total)
            found[f"all@{threshold:g}"] = ratio(cancers - odds * (total - cancers), total)
        return found


def _shares(rate: Values, of: Values) -> Values:
    """Return a rate as a share of everybody; nobody has it where there is nobody to have it."""
    return np.where(of > 0, rate * of, 0.0)
