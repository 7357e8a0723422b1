"""Shares of independent samples: Wilson's interval."""

from scipy.stats import binomtest

from bcdl.stats.interval import LEVEL, Interval

WILSON = "Wilson"


def wilson(hits: int, trials: int) -> Interval:
    """Return a share with Wilson's score interval; NaN of no trials.

    It holds for independent trials: where patients have several samples, a bootstrap over patients is wider.

    Source:
        Wilson 1927, Probable inference, the law of succession, and statistical inference, JASA 22.
    """
    if trials == 0:
        return Interval(float("nan"), float("nan"), float("nan"), WILSON)
    ends = binomtest(int(hits), int(trials)).proportion_ci(LEVEL, method="wilson")
    return Interval(hits / trials, float(ends.low), float(ends.high), WILSON)
