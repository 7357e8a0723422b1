"""Figures beside their targets: the table that every benchmark prints."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A measured number and what it should be.

    Args:
        name: What was measured, and of what.
        value: The number.
        target: What it should be at most, or at least.
        unit: Of both, such as `s`.
        at_least: Whether more is better.
    """

    name: str
    value: float
    target: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.value >= self.target if self.at_least else self.value <= self.target

    def row(self) -> str:
        """Return the figure's line of the table."""
        wanted = f"{'>=' if self.at_least else '<='} {self.target:.2f}"
        ratio, verdict = self.value / self.target, "met" if self.met else "missed"
        return f"{self.name:<58} {self.value:>8.2f} {wanted:>10} {self.unit:<8} {ratio:>6.2f}  {verdict}"


def show(figures: Sequence[Figure]) -> None:
    """Print figures, their targets, the ratio of the two, and whether each target is met."""
    print(f"{'figure':<58} {'measured':>8} {'target':>10} {'unit':<8} {'ratio':>6}  target")
    for figure in figures:
        print(figure.row(), flush=True)
