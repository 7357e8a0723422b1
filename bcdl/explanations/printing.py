"""The table of scores as a terminal of 80 columns shows it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.table import Table

_LOCATED = ("hit rate (95 %)", "energy", "FROC", "deletion", "insertion")
_CHANCE = "by chance"


def printed(scores: pd.DataFrame) -> Table:
    """Return `scores.csv` as a table; its last row is what chance, or a map of noise, would reach."""
    located, checked = "hit_rate" in scores, "passes" in scores
    table = Table("method", box=None, padding=(0, 1, 0, 0), caption_justify="left")
    for title in [*(_LOCATED if located else ()), *(["randomised"] if checked else [])]:
        table.add_column(title, justify="right", no_wrap=True)
    for row in scores.to_dict("records"):
        cells = [*(_of_lesions(row) if located else ()), *([_verdict(row)] if checked else [])]
        table.add_row(str(row["method"]), *cells)
    if located:
        first = scores.iloc[0]
        table.add_row(_CHANCE, *_by_chance(first), style="dim")
        table.caption = f"{first['lesions']} lesions in {first['views']} views of {first['samples']} samples"
    return table


def _of_lesions(row: Mapping[Any, Any]) -> list[str]:
    rate = f"{row['hit_rate']:.2f} ({row['hit_rate_low']:.2f}-{row['hit_rate_high']:.2f})"
    return [rate, *(f"{row[name]:.2f}" for name in ("energy", "froc", "deletion", "insertion"))]


def _by_chance(row: "pd.Series[Any]") -> list[str]:
    rate, energy, deletion, insertion = (
        f"{row[f'{name}_chance']:.2f}" for name in ("hit_rate", "energy", "deletion", "insertion")
    )
    return [rate, energy, "", deletion, insertion]


def _verdict(row: Mapping[Any, Any]) -> str:
    if pd.isna(row["randomisation"]):
        return ""
    return f"{row['randomisation']:.2f} {'pass' if row['passes'] else 'fail'}"
