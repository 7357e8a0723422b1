"""The published annotation files of data sets as data frames of text, checked for what a reader needs."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from bcdl.data.naming import quoted
from bcdl.errors import NoDataError, UserError, nearest

_LOG = logging.getLogger(__name__)


def read_annotations(
    file: Path, columns: Sequence[str], layout: str, separator: str = ",", encoding: str = "utf-8-sig"
) -> pd.DataFrame:
    """Read a CSV file; its cells are text without outer spaces and line ends, empty ones are null.

    Args:
        file: The annotation file.
        columns: Columns that it must have; others are kept.
        layout: How the data set lies on disk, for the message when the file is missing.
        separator: Between two cells.
        encoding: Of the text.

    Raises:
        UserError: The file is missing, no such table, or lacks a column.
    """
    if not file.is_file():
        raise NoDataError(
            f"expected {file.name} in {file.parent}, found no such file. Expected layout: {layout}"
        )
    try:
        frame = pd.read_csv(file, dtype=str, sep=separator, encoding=encoding)
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: expected a table as CSV, cannot read it ({error})") from error
    frame = stripped(frame.rename(columns=lambda name: str(name).strip()))
    require_columns(frame, columns, file)
    return frame


def stripped(frame: pd.DataFrame) -> pd.DataFrame:
    """Take the spaces around the words of a table away; empty cells become null."""
    frame = frame.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    return frame.mask(frame == "")


def require_columns(frame: pd.DataFrame, columns: Sequence[str], file: Path) -> None:
    """Raise `UserError` unless a table has all columns."""
    for name in columns:
        if name not in frame:
            raise UserError(
                f"{file}: expected a column '{name}', found {', '.join(map(str, frame.columns))}."
                f"{nearest(name, map(str, frame.columns))} Is it the data set's own file, unchanged?"
            )


def rows_of_known(
    frame: pd.DataFrame, column: str, known: Collection[str], file: Path, on_bad_row: str, empty: bool = False
) -> pd.DataFrame:
    """Return the rows whose cell of `column` is a known code.

    Args:
        frame: Annotations, one row a line of the file, with the index that they have there from 0.
        column: The coded column.
        known: Its codes.
        file: Where the annotations come from, for the message.
        on_bad_row: `error`, or `skip` to leave other rows out with a warning.
        empty: Whether an empty cell is a code too.

    Raises:
        UserError: A cell holds another code, and such rows are not to be skipped.
    """
    right = frame[column].isin(list(known)) | (frame[column].isna() if empty else False)
    return _right_rows(frame, column, right, f"one of {', '.join(known)}", file, on_bad_row)


def rows_in_range(
    frame: pd.DataFrame, column: str, low: float, high: float, file: Path, on_bad_row: str
) -> pd.DataFrame:
    """Return the rows whose cell of `column` is a number from `low` to `high`.

    Args:
        frame: Annotations, as for `rows_of_known`.
        column: The column of numbers.
        low: The least of them.
        high: The greatest.
        file: Where the annotations come from, for the message.
        on_bad_row: `error`, or `skip` to leave other rows out with a warning.

    Raises:
        UserError: A cell holds something else, and such rows are not to be skipped.
    """
    right = pd.to_numeric(frame[column], errors="coerce").between(low, high)
    return _right_rows(frame, column, right, f"a number from {low:g} to {high:g}", file, on_bad_row)


def _right_rows(
    frame: pd.DataFrame, column: str, right: pd.Series, expected: str, file: Path, on_bad_row: str
) -> pd.DataFrame:
    if right.all():
        return frame
    strange = frame.index[~right]
    cell = frame[column][strange[0]]
    found = "nothing" if pd.isna(cell) else quoted(cell)
    message = (
        f"{file}: {column}: expected {expected}, found {found} in row {strange[0] + 1} "
        f"and {len(strange) - 1} other rows (rows are counted from 1, below the header)"
    )
    if on_bad_row == "error":
        raise UserError(f"{message}; correct it, or set data.on_bad_row=skip to leave such rows out")
    _LOG.warning("%s: these are left out", message)
    return frame[right]


def days_since_first(patients: pd.Series, dates: pd.Series) -> pd.Series:
    """Return days from each patient's first date, null where a row has none; dates stay outside."""
    moments = pd.to_datetime(dates, errors="coerce", utc=True).dt.tz_localize(None).dt.normalize()
    return (moments - moments.groupby(patients).transform("min")).dt.days.astype("Float64")
