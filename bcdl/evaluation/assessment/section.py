"""A further section of the page: what is known beyond the table of predictions, in one form for all of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        title: its heading.
        text: a paragraph on how its numbers were made and how to read them.
        tables: by the name of the CSV file that each is written to; shown as they are, fractions with three
            digits.
        pictures: by the name of the file, `figures/<name>.png` or `.jpg`.
        captions: what stands below a picture, by the name of its file; it has none otherwise.
        facts: a list of names and what is told of each, above tables and pictures.
        early: whether it stands before the results; others come between them and the methods.
    """

    title: str
    text: str = ""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    early: bool = False


def png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def shown(table: pd.DataFrame) -> dict[str, Any]:
    """Return the header and the rows of a table as a page shows them."""
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False, name=None)]
    return {"header": [str(name).replace("_", " ") for name in table.columns], "rows": rows}


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "-" if value != value else f"{value:.3f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
