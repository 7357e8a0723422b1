"""Tests of two readings of the same samples, and the correction for many of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from bcdl.stats.interval import Interval

MCNEMAR = "McNemar, exact"


@dataclass(frozen=True)
class Test:
    """A two-sided test.

    Attributes:
        name: which one.
        statistic: its statistic.
        p_value: probability of one at least as large, were there no difference.
        difference: what differs, first - second, where the test gives it.
    """

    __test__ = False  # for pytest: a statistical one

    name: str
    statistic: float
    p_value: float
    difference: Interval | None = None

    def facts(self) -> dict[str, object]:
        """Return it as JSON holds it."""
        given = {} if self.difference is None else {"difference": self.difference.facts()}
        return {"test": self.name, "statistic": self.statistic, "p_value": self.p_value, **given}


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Test:
    """Test whether two readings are right equally often, on the samples on which they disagree.

    Args:
        first: `(N,)`, whether the first reading is right of each sample.
        second: of the second.

    Returns:
        The exact test; its statistic is the smaller number of samples of which one alone is right.

    Source:
        McNemar 1947, Psychometrika 12; exact by the binomial distribution.
    """
    alone = int((first & ~second).sum()), int((second & ~first).sum())
    p_value = float(binomtest(min(alone), sum(alone)).pvalue) if sum(alone) else 1.0
    return Test(MCNEMAR, float(min(alone)), p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number; NaN stays and does not count.

    Source:
        Holm 1979, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6.
    """
    values = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected = values.copy()
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return [float(value) for value in corrected]
