"""A number with its uncertainty, the form in which every statistic is reported."""

from dataclasses import dataclass

LEVEL = 0.95  # of every interval


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % confidence interval.

    Attributes:
        value: the estimate.
        low: lower end; NaN where there is none.
        high: upper end.
        method: how the ends were found.
    """

    value: float
    low: float
    high: float
    method: str

    def facts(self) -> dict[str, float | str]:
        """Return it as `metrics.json` holds it."""
        return {"value": self.value, "ci_low": self.low, "ci_high": self.high, "method": self.method}
