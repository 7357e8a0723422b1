"""The bootstrap over patients: samples of a patient are drawn together, all draws at once.

A statistic is a function of the samples' weights, `(D, N)` to named arrays `(D,)`, as `WeightedMetrics` is: a
draw is a weighting. Two statistics that are drawn with the same patients and seed see the same draws, so the
difference of their draws is that of a paired bootstrap.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdl.stats.interval import LEVEL, Interval
from bcdl.stats.significance import Test

DRAWS = 2000
CELLS = 320_000  # weights that are in memory at once: more leave the cache, and take longer
LEAST_DEFINED = 0.5  # share of draws in which a statistic must be defined to have an interval
PAIRED = "paired bootstrap over patients"
Values = NDArray[np.float64]
Statistic = Callable[[Values], dict[str, Values]]


@dataclass(frozen=True)
class Drawn:
    """A statistic and its values in every draw.

    Attributes:
        value: on the samples as they are.
        draws: `(D,)`; NaN where a draw leaves it undefined, as without a positive.
        unit: what was drawn, `patient` or `sample`.
    """

    value: float
    draws: Values
    unit: str = "patient"

    def interval(self) -> Interval:
        """Return the value with the percentile interval; without ends where most draws are undefined."""
        method = f"bootstrap over {self.unit}s, percentile, {len(self.draws):,} draws"
        low, high = _ends(self.draws)
        return Interval(self.value, low, high, method)

    def minus(self, other: "Drawn") -> Test:
        """Test the difference to a statistic that was drawn alike.

        Its p-value is twice the share of draws on the far side of 0, both counted with one more draw
        (Davison and Hinkley 1997, Bootstrap Methods and their Application, 4.4).
        """
        draws = self.draws - other.draws
        low, high = _ends(draws)
        known = draws[~np.isnan(draws)]
        difference = Interval(self.value - other.value, low, high, PAIRED)
        if np.isnan(difference.value) or np.isnan(low):
            return Test(PAIRED, difference.value, float("nan"), difference)
        beyond = min(np.count_nonzero(known <= 0), np.count_nonzero(known >= 0))
        p_value = min(1.0, 2 * (beyond + 1) / (len(known) + 1))
        return Test(PAIRED, difference.value, p_value, difference)


def bootstrap(
    statistic: Statistic,
    patients: NDArray[np.int64],
    draws: int = DRAWS,
    seed: int = 0,
    unit: str = "patient",
) -> dict[str, Drawn]:
    """Return a statistic on the samples as they are, and in draws of patients with replacement.

    Args:
        statistic: maps weights `(D, N)` to named arrays `(D,)`.
        patients: `(N,)`, codes of the patients.
        draws: how many draws.
        seed: of the draws; the same seed and patients give the same draws.
        unit: what `patients` stand for, in the method's name.

    Source:
        Efron and Tibshirani 1993, An Introduction to the Bootstrap; Field and Welsh 2007, Bootstrapping
        clustered data, J. R. Statist. Soc. B 69, for drawing clusters whole.
    """
    clusters = np.unique(patients, return_inverse=True)[1]
    values = statistic(np.ones((1, len(patients))))
    parts = [statistic(weights) for weights in weightings(clusters, draws, seed)]
    return {
        name: Drawn(float(value[0]), np.concatenate([part[name] for part in parts]), unit)
        for name, value in values.items()
    }


def weightings(clusters: NDArray[np.int64], draws: int, seed: int) -> Iterator[Values]:
    """Yield how often each sample is drawn, `(D, N)`, some draws at a time."""
    generator = np.random.default_rng(seed)
    number, most = int(clusters.max(initial=-1)) + 1, max(1, CELLS // max(1, len(clusters)))
    for start in range(0, draws, most):
        size = min(most, draws - start)
        drawn = generator.integers(0, number, size=(size, number)) + number * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * number).reshape(size, number)
        yield counts.astype(np.float64)[:, clusters]


def together(*statistics: Statistic) -> Statistic:
    """Return statistics of the same samples as one."""
    return lambda weights: {name: each for one in statistics for name, each in one(weights).items()}


def _ends(draws: Values) -> tuple[float, float]:
    known = draws[~np.isnan(draws)]
    if len(known) < LEAST_DEFINED * len(draws) or not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
