"""Whether probabilities are what they say: reliability, calibration error, the parts of the Brier score."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from bcdl.stats.proportions import wilson

BINS = 10
Values = NDArray[np.float64]
Labels = NDArray[np.int64]


def equal_mass_bins(probabilities: Values, bins: int = BINS) -> Labels:
    """Return the bin of each sample `(N,)`: as many samples in each as ties allow, lowest first.

    Equal probabilities are never parted, so there may be fewer bins.
    """
    edges = np.quantile(probabilities, np.linspace(0, 1, bins + 1)[1:-1])
    codes = np.searchsorted(np.unique(edges), probabilities, side="left")
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def reliability(labels: Labels, probabilities: Values, bins: int = BINS) -> pd.DataFrame:
    """Return a reliability diagram's points.

    Args:
        labels: `(N,)`, 1 for positive, 0 for negative.
        probabilities: `(N,)`.
        bins: of equal mass, at most.

    Returns:
        A row a bin: `samples, predicted` (mean), `observed` (share of positives) and its Wilson interval
        `low, high`.
    """
    groups = pd.DataFrame({"predicted": probabilities, "positive": labels == 1}).groupby(
        equal_mass_bins(probabilities, bins)
    )
    table = groups.agg(
        samples=("positive", "size"), predicted=("predicted", "mean"), observed=("positive", "mean")
    )
    ends = [
        wilson(hits, number) for hits, number in zip(groups["positive"].sum(), table["samples"], strict=True)
    ]
    return table.assign(low=[end.low for end in ends], high=[end.high for end in ends]).reset_index(drop=True)


class CalibrationError:
    """The expected calibration error over bins of equal mass, as a function of the samples' weights.

    The bins are those of the samples as they are. It is never negative, so that few samples make it large:
    read it beside `brier_parts`.

    Args:
        labels: `(N,)`, 1 for positive, 0 for negative.
        probabilities: `(N,)`.
        bins: at most.

    Source:
        Nixon et al. 2019, Measuring calibration in deep learning, for bins of equal mass.
    """

    def __init__(self, labels: Labels, probabilities: Values, bins: int = BINS) -> None:
        codes = equal_mass_bins(probabilities, bins)
        self._gaps = np.eye(codes.max(initial=0) + 1)[codes] * (probabilities - (labels == 1))[:, None]

    def __call__(self, weights: Values) -> dict[str, Values]:
        """Return `ece` `(D,)` for weights `(D, N)`."""
        return {"ece": np.abs(weights @ self._gaps).sum(axis=1) / weights.sum(axis=1)}


@dataclass(frozen=True)
class BrierParts:
    """Brier score = miscalibration - discrimination + uncertainty, exactly and without bins.

    Attributes:
        miscalibration: what the best monotone recalibration would save.
        discrimination: what the recalibrated probabilities save over the mere prevalence.
        uncertainty: the score of the prevalence.

    Source:
        Dimitriadis, Gneiting and Jordan 2021, Stable reliability diagrams for probabilistic classifiers, PNAS
        118 (CORP).
    """

    miscalibration: float
    discrimination: float
    uncertainty: float


def brier_parts(labels: Labels, probabilities: Values) -> BrierParts:
    """Return the parts of the Brier score of labels and probabilities `(N,)`."""
    truth = (labels == 1).astype(np.float64)
    recalibrated = IsotonicRegression(y_min=0, y_max=1).fit_transform(probabilities, truth)
    score, best, prior = (
        float(np.mean((given - truth) ** 2)) for given in (probabilities, recalibrated, truth.mean())
    )
    return BrierParts(score - best, prior - best, prior)
