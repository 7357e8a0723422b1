"""Numbers in the sentences of findings."""

from collections.abc import Mapping

import pandas as pd


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 image`, `2,000 images`."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def verb(count: int, one: str, many: str) -> str:
    """Return the verb that goes with a count: `verb(2, "is", "are")` is `are`."""
    return one if count == 1 else many


def counts(numbers: "Mapping[str, int] | pd.Series[int]") -> str:
    """Return counts by name: `train 12, test 3`."""
    return ", ".join(f"{name} {number:,}" for name, number in numbers.items())


def p_value(value: float) -> str:
    """Return a p-value: `p = 0.012`, or `p < 0.0001`."""
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.2g}"
