"""A table of trials together with what is optimised: which are finished, which are best, what varies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.evaluation.sweep.table import PARAMETER

LONGEST = 60  # characters of a text in a figure
_EXACT = 1e15  # up to here a float can be any whole number


@dataclass(frozen=True)
class Results:
    """The trials of a sweep.

    Attributes:
        table: as `trials_table` gives it.
        objectives: what is optimised, columns of the table.
        lower: for each objective whether the lowest value is best.
    """

    table: pd.DataFrame
    objectives: Sequence[str]
    lower: Sequence[bool]

    @property
    def finished(self) -> pd.DataFrame:
        """The rows of finished trials that have a value of each objective."""
        known = np.isfinite(self.table[list(self.objectives)].to_numpy(float)).all(axis=1)
        rows: pd.DataFrame = self.table[(self.table["state"] == "finished").to_numpy() & known]
        return rows

    @property
    def ranked(self) -> pd.DataFrame:
        """The finished rows, best first by the first objective; of equal ones the earlier trial."""
        return self.finished.sort_values(self.objectives[0], ascending=self.lower[0], kind="stable")

    @property
    def keys(self) -> list[str]:
        """The keys that the table has, as in overrides."""
        names = map(str, self.table.columns)
        return [name.removeprefix(PARAMETER) for name in names if name.startswith(PARAMETER)]

    @property
    def varied(self) -> list[str]:
        """The keys with more than one value among the trials; that a trial has none counts as one."""
        return [key for key in self.keys if self.table[f"{PARAMETER}{key}"].nunique(dropna=False) > 1]

    def costs(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Return the objectives of rows, (rows, objectives), turned so that the lowest is best."""
        signs = np.where(list(self.lower), 1.0, -1.0)
        return np.asarray(rows[list(self.objectives)].to_numpy(float) * signs)

    def settings(self, row: pd.Series) -> str:
        """Return the values of a trial in words: `lr=0.001, model=cnn`.

        A key is called by its last part where no other key has the same.
        """
        values = [(key, row[f"{PARAMETER}{key}"]) for key in self.keys]
        lasts = [_last(key) for key in self.keys]
        return ", ".join(
            f"{_last(key) if lasts.count(_last(key)) == 1 else key}={value_text(value)}"
            for key, value in values
            if not pd.isna(value)
        )

    def wish(self, number: int) -> str:
        """Return which way an objective is better, in a word."""
        return "lowest" if self.lower[number] else "highest"


def value_text(value: object) -> str:
    """Return a value of a key in few characters: `0.001`, `3e-5`, `16384`, `cnn`; whole numbers stay whole.

    Example:
        >>> value_text(0.00003)
        '3e-5'
    """
    if isinstance(value, float | int | np.integer) and not isinstance(value, bool):
        if abs(float(value)) < _EXACT and float(value).is_integer():
            return str(int(value))
        mantissa, exponent, power = f"{value:.4g}".partition("e")
        return f"{mantissa}e{int(power)}" if exponent else mantissa
    return str(value)


def cut(text: str, longest: int = LONGEST) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def too_few(finished: int, needed: int) -> str:
    """Return why so few finished trials make no picture."""
    return f"it takes {needed} finished trials, there {'is' if finished == 1 else 'are'} {finished or 'none'}"
