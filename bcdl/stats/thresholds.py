"""Thresholds by a goal: the most that can be had at a given sensitivity, specificity or recall rate.

A threshold lies halfway to the next score below it, where a rounding difference changes no decision.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdl.errors import UserError, nearest
from bcdl.metrics.ranking import Ranking, youden_threshold
from bcdl.metrics.ratio import ratio

GOALS = ("youden", "sensitivity", "specificity", "recall_rate")
Values = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Goal:
    """What a threshold is to reach.

    Attributes:
        name: `youden`, `sensitivity`, `specificity` or `recall_rate`.
        target: at least this sensitivity or specificity, at most this recall rate; None of `youden`.
    """

    name: str
    target: float | None = None

    @classmethod
    def of(cls, text: str) -> "Goal":
        """Return the goal that a setting names: `youden`, or such as `sensitivity=0.9`.

        Raises:
            UserError: it names none.
        """
        name, equals, value = text.partition("=")
        if name not in GOALS or (name == "youden") == bool(equals):
            raise UserError(
                f"expected an operating point such as youden, sensitivity=0.9, specificity=0.9 or "
                f"recall_rate=0.1, found '{text}'.{nearest(name, GOALS)}"
            )
        if name == "youden":
            return cls(name)
        try:
            target = float(value)
        except ValueError:
            target = float("nan")
        if not 0 < target < 1:
            raise UserError(f"expected {name}= to be a number between 0 and 1, found '{value}'")
        return cls(name, target)

    def __str__(self) -> str:
        return self.name if self.target is None else f"{self.name}={self.target:g}"

    def fit(self, labels: Labels, scores: Values) -> float:
        """Return the threshold that reaches the goal, at the least cost to the other side.

        For a sensitivity it is the highest threshold that still has it, for a specificity or a recall rate
        the lowest. A score that ties belongs to one side: what is reached may be more than the target.

        Args:
            labels: `(N,)`, 1 for positive, 0 for negative.
            scores: `(N,)`.

        Returns:
            NaN where the samples hold no class that the goal speaks of.
        """
        if self.target is None:
            return youden_threshold(labels, scores)
        ranking = Ranking(labels == 1, scores)
        true, false = (counts[0] for counts in ranking.counts(np.ones((1, len(labels)))))
        ranked = ranking.thresholds[1:]
        rate = self._rate(true, false)
        if np.isnan(rate[-1]):
            return float("nan")
        slack = 1e-12
        if self.name == "sensitivity":
            called = int(np.argmax(rate >= self.target - slack))
        else:
            held = rate >= self.target - slack if self.name == "specificity" else rate <= self.target + slack
            called = int(np.flatnonzero(held)[-1])
        return _between(ranked, called)

    def _rate(self, true: Values, false: Values) -> Values:
        """Return the rate that is aimed at, after each number of distinct scores called, `(T + 1,)`."""
        match self.name:
            case "sensitivity":
                return ratio(true, true[-1:])
            case "specificity":
                return 1 - ratio(false, false[-1:])
            case _:
                return ratio(true + false, true[-1:] + false[-1:])


def _between(ranked: Values, called: int) -> float:
    """Return the threshold that calls the highest so many distinct scores."""
    if called == 0:
        return float(np.nextafter(ranked[0], np.inf))
    below = ranked[called] if called < len(ranked) else ranked[called - 1]
    return float((ranked[called - 1] + below) / 2)
