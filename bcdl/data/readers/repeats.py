"""Annotation rows about one thing that should stand in the table once."""

import logging
from pathlib import Path

import pandas as pd

from bcdl.data.naming import quoted
from bcdl.errors import UserError

_LOG = logging.getLogger(__name__)


def rows_once(frame: pd.DataFrame, key: str, source: Path, on_bad_row: str) -> pd.DataFrame:
    """Return the rows without those whose `key` an earlier row has.

    Args:
        frame: Annotations.
        key: The column whose values name what a row is about; empty cells are no repetition.
        source: The file or folder that the annotations come from, for the message.
        on_bad_row: `error`, or `skip` to leave repeated rows out with a warning.

    Raises:
        UserError: A key is repeated, and such rows are not to be skipped.
    """
    repeated = frame[key].notna() & frame[key].duplicated()
    if not repeated.any():
        return frame
    keys = frame.loc[repeated, key]
    message = (
        f"{source}: {key}: expected each in one row, found {quoted(keys.iloc[0])} in several "
        f"and {len(keys) - 1} more such rows"
    )
    if on_bad_row == "error":
        raise UserError(f"{message}; take all but one away, or set data.on_bad_row=skip to keep the first")
    _LOG.warning("%s: all but the first are left out", message)
    return frame[~repeated]
