"""Cells that hold a Python list or tuple as text; nothing of them is run."""

import ast
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from bcdl.data.naming import quoted
from bcdl.errors import UserError

_LOG = logging.getLogger(__name__)
_NO_LITERAL = (LookupError, MemoryError, RecursionError, SyntaxError, TypeError, ValueError)
_SHOWN = 60  # characters of a cell in a message


def parse_literals(
    frame: pd.DataFrame,
    column: str,
    parse: Callable[[Any], object],
    expected: str,
    file: Path,
    on_bad_row: str,
) -> pd.DataFrame:
    """Replace the cells of a column by what `parse` makes of the value that they spell.

    Args:
        frame: Annotations, one row a line of the file, with the index that they have there from 0.
        column: The column; empty cells count as wrong ones.
        parse: From a list, tuple, text or number to the cell's new value; raises a
            `LookupError`, `TypeError` or `ValueError` for others.
        expected: What the cells should hold, for the message.
        file: Where the annotations come from, for the message.
        on_bad_row: `error`, or `skip` to leave other rows out with a warning.

    Raises:
        UserError: A cell holds something else, and such rows are not to be skipped.
    """
    values: dict[Any, object] = {}
    for row, cell in frame[column].items():
        try:
            values[row] = parse(ast.literal_eval(cell))
        except _NO_LITERAL:
            continue
    strange = frame.index.difference(list(values))
    if len(strange):
        _refuse(frame[column], strange, expected, file, on_bad_row)
    return frame.loc[list(values)].assign(**{column: pd.Series(values, dtype=object)})


def _refuse(cells: pd.Series, strange: pd.Index, expected: str, file: Path, on_bad_row: str) -> None:
    row = strange[0]
    message = (
        f"{file}: {cells.name}: expected {expected}, found {quoted(str(cells[row])[:_SHOWN])} in row "
        f"{row + 1} and {len(strange) - 1} other rows (rows are counted from 1, below the header)"
    )
    if on_bad_row == "error":
        raise UserError(f"{message}; correct it, or set data.on_bad_row=skip to leave such rows out")
    _LOG.warning("%s: these are left out", message)
