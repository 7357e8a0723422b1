"""Where the values of a column lie on an axis from 0 to 1, and which ticks the axis has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bcdl.evaluation.sweep.results import cut, value_text

NOT_VARIED = "not varied"
MISSING = -0.15  # where values that are missing lie
WIDE = 30.0  # from this ratio of the largest to the smallest, steps are factors
_NEAR = 0.07  # ticks closer than this would cover each other
_MOST_NAMES = 12
_LONGEST = 22  # characters of a tick


@dataclass(frozen=True)
class Scale:
    """A column on an axis.

    Attributes:
        places: (rows,) places of its values: 0 to 1, and below 0 where the key does not vary.
        ticks: places and texts.
        logarithmic: whether equal steps are equal factors.
    """

    places: NDArray[np.float64]
    ticks: tuple[tuple[float, str], ...]
    logarithmic: bool = False


def scale(values: pd.Series) -> Scale:
    """Return the axis of a column: a place for each text; numbers linear, of a wide range logarithmic."""
    known = values[values.notna()]
    if known.empty or not pd.api.types.is_numeric_dtype(values):
        found = _of_texts(values)
    else:
        found = _of_numbers(values.astype("float64"), spans_widely(known))
    missing = ((MISSING, NOT_VARIED),) if len(known) < len(values) else ()
    places = np.where(values.notna(), found.places, MISSING)
    return Scale(places, (*missing, *found.ticks), found.logarithmic)


def spans_widely(values: pd.Series) -> bool:
    """Return whether numbers are positive and the largest is 30 times the smallest or more."""
    return bool(values.min() > 0 and values.max() / values.min() >= WIDE)


def _of_texts(values: pd.Series) -> Scale:
    names = sorted(values.dropna().astype(str).unique())
    step = 1 / max(len(names) - 1, 1)
    at = {name: place * step if len(names) > 1 else 0.5 for place, name in enumerate(names)}
    shown = names[:: -(-len(names) // _MOST_NAMES)] if names else []
    places = values.map(lambda value: at.get(str(value), MISSING)).to_numpy(float)
    return Scale(places, tuple((at[name], cut(name, _LONGEST)) for name in shown))


def _of_numbers(values: pd.Series, logarithmic: bool) -> Scale:
    numbers = np.log10(values) if logarithmic else values
    low, high = float(numbers.min()), float(numbers.max())

    def place(number: float) -> float:
        return (number - low) / (high - low) if high > low else 0.5

    wanted = [*sorted(numbers.dropna().unique())] if numbers.nunique() <= 6 else _steps(numbers, logarithmic)
    whole = bool((values.dropna() % 1 == 0).all())
    ticks = _apart((place(number), value_text(_as_value(number, logarithmic, whole))) for number in wanted)
    return Scale(np.array([place(number) for number in numbers]), ticks, logarithmic)


def _steps(numbers: pd.Series, logarithmic: bool) -> Sequence[float]:
    """Return the ends, then round numbers between them: the first ones are kept where two would touch."""
    low, high = float(numbers.min()), float(numbers.max())
    if logarithmic:
        between = [float(power) for power in range(int(np.ceil(low)), int(np.floor(high)) + 1)]
    else:
        whole = bool((numbers.dropna() % 1 == 0).all())
        between = [float(number) for number in MaxNLocator(nbins=5, integer=whole).tick_values(low, high)]
    return [low, high, *(number for number in between if low < number < high)]


def _as_value(number: float, logarithmic: bool, whole: bool) -> float:
    value = 10**number if logarithmic else number
    return round(value) if whole else float(f"{value:.3g}")


def _apart(ticks: Iterable[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    kept: list[tuple[float, str]] = []
    for place, text in ticks:
        if all(abs(place - other) >= _NEAR for other, _ in kept):
            kept.append((place, text))
    return tuple(sorted(kept))
