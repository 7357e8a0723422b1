"""Selective prediction: how often a model errs on the samples of which it is surest.

Risk is the share of wrong decisions among the samples that are kept, coverage the share that is kept.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bcdl.metrics.ratio import ratio

COVERAGES = tuple((np.arange(1, 21) / 20).tolist())
Values = NDArray[np.float64]
_LEAST = 1e-12  # a probability below it counts as this: its odds have a logarithm


class RiskCoverage:
    """Risk at each coverage, and the area under it, as functions of the samples' weights.

    Samples are kept in the order of their uncertainty, surest first. All orders of samples that tie are
    averaged: their errors are spread evenly over them. A weight of 2 is a sample twice, which ties with
    itself.

    Args:
        wrong: `(N,)`, whether the decision on a sample is wrong.
        uncertainty: `(N,)`, higher for what is less sure.
        positive: `(N,)`, which samples are positive; of K classes None, and there is no balanced risk.
        coverages: above 0 and at most 1.

    Source:
        El-Yaniv and Wiener 2010, On the foundations of noise-free selective classification, JMLR 11, for the
        curve; Geifman, Uziel and El-Yaniv 2019, Bias-reduced uncertainty estimation for deep neural
        classifiers, ICLR, for its area and the excess over that of the best order.
    """

    def __init__(
        self,
        wrong: NDArray[np.bool_],
        uncertainty: Values,
        positive: NDArray[np.bool_] | None = None,
        coverages: Sequence[float] = COVERAGES,
    ) -> None:
        self._order = np.argsort(uncertainty, kind="stable")
        ends = np.flatnonzero(np.diff(uncertainty[self._order])) + 1
        tied = len(ends) + 1 < len(uncertainty)
        self._ends = np.concatenate([[0], ends, [len(uncertainty)]]) if tied else slice(None)
        self._wrong = wrong[self._order].astype(np.float64)
        self._positive = None if positive is None else positive[self._order].astype(np.float64)
        self.coverages = tuple(coverages)

    def __call__(self, weights: Values) -> dict[str, Values]:
        """Return `aurc`, `excess_aurc`, `risk@<coverage>` and, of two classes, `balanced_risk@<coverage>`.

        The balanced risk is the mean of the shares of wrong decisions on positives and on negatives.

        Args:
            weights: `(D, N)`, whole numbers.

        Returns:
            Arrays `(D,)`; a balanced risk is NaN where one class alone is kept.
        """
        ordered = weights[:, self._order]
        kept, errors = self._counted(ordered), self._counted(ordered * self._wrong)
        area = _area(kept, errors)
        place = _places(kept, self.coverages)
        risks = ratio(_read(errors, place), _read(kept, place))
        found = {"aurc": area, "excess_aurc": area - _best_area(kept[:, -1], errors[:, -1])}
        found |= self._named("risk", risks)
        if self._positive is None:
            return found
        positives = ordered * self._positive
        cancers, missed = self._counted(positives), self._counted(positives * self._wrong)
        shares = [(missed, cancers), (errors - missed, kept - cancers)]
        each = [ratio(_read(some, place), _read(every, place)) for some, every in shares]
        return found | self._named("balanced_risk", (each[0] + each[1]) / 2)

    def _counted(self, ordered: Values) -> Values:
        """Return the weight down to each distinct uncertainty, `(D, T + 1)`, from 0."""
        sums = np.zeros((ordered.shape[0], ordered.shape[1] + 1))
        np.cumsum(ordered, axis=1, out=sums[:, 1:])
        return np.asarray(sums[:, self._ends])

    def _named(self, name: str, values: Values) -> dict[str, Values]:
        return {f"{name}@{share:g}": column for share, column in zip(self.coverages, values.T, strict=True)}


def unsureness(probabilities: Values, threshold: float) -> Values:
    """Return how unsure each decision is `(N,)`: the nearness of a probability to where it is decided.

    Of two classes it is the negative distance of the odds' logarithms, so that below a low threshold there
    is as much room as above it; at a threshold of 0.5 its order is that of the larger probability. Of K
    classes it is 1 - the largest probability.

    Args:
        probabilities: `(N,)` of the positive class, or `(N, K)`.
        threshold: of decisions.
    """
    if probabilities.ndim == 2:
        return np.asarray(1 - probabilities.max(axis=1))
    shares, cut = (np.clip(each, _LEAST, 1 - _LEAST) for each in (probabilities, np.float64(threshold)))
    distance = np.log(shares) - np.log1p(-shares) - (np.log(cut) - np.log1p(-cut))
    return np.asarray(-np.abs(distance))


def _area(kept: Values, errors: Values) -> Values:
    """Return the mean risk over keeping 1, 2, … all samples.

    From `a` to `b` kept samples, among which those that tie err with the share s, the mean risk of j kept
    ones is (e + (j - a) s) / j, with e errors before: its sum is (e - a s) (H(b) - H(a)) + s (b - a), with
    the harmonic numbers H.
    """
    steps, wrong = np.diff(kept, axis=1), np.diff(errors, axis=1)
    before = errors[:, :-1] - kept[:, :-1] * ratio(wrong, steps, empty=0.0)
    risks = np.einsum("dt,dt->d", before, np.diff(_harmonic(kept), axis=1)) + errors[:, -1]
    return np.asarray(ratio(risks, kept[:, -1]))


def _best_area(total: Values, errors: Values) -> Values:
    """Return the area of the best order, in which all wrong decisions come last."""
    right = total - errors
    return np.asarray(ratio(errors - right * (_harmonic(total) - _harmonic(right)), total))


def _harmonic(counts: Values) -> Values:
    """Return 1 + 1/2 + … + 1/n for whole numbers."""
    whole = np.rint(counts).astype(np.int64)
    sums = np.cumsum(1 / np.arange(1, whole.max(initial=0) + 1))
    return np.asarray(np.append(0.0, sums)[whole])


def _places(kept: Values, coverages: Sequence[float]) -> tuple[NDArray[np.int64], Values]:
    """Return where each coverage lies: after which step `(D, G)`, and how far towards the next."""
    total = kept[:, -1:]
    ends = np.array([np.searchsorted(row, coverages) for row in kept / total]).clip(1)
    low, high = (np.take_along_axis(kept, places, axis=1) for places in (ends - 1, ends))
    return ends - 1, ratio(np.asarray(coverages) * total - low, high - low, empty=0.0)


def _read(counts: Values, place: tuple[NDArray[np.int64], Values]) -> Values:
    before, share = place
    low, high = (np.take_along_axis(counts, places, axis=1) for places in (before, before + 1))
    return np.asarray(low + share * (high - low))
