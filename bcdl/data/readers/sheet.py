"""A user's CSV or Parquet file as a data frame with known column names."""

import logging
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from bcdl.data.naming import hinted, listed
from bcdl.errors import UserError

_LOG = logging.getLogger(__name__)
_SUFFIXES = (".csv", ".parquet")
_MISSPELT = 0.8  # likeness of names from which an unknown column is taken for a known one


def read_sheet(path: Path, known: Collection[str], required: Sequence[str]) -> pd.DataFrame:
    """Read a file; cells lose their outer spaces, and empty ones are nulls.

    The cells of a CSV are text. Columns that are neither `known` nor called `meta_<name>` are left out: what
    a sheet says of patients beyond the exam table is carried along only where it is asked for.

    Raises:
        UserError: The file cannot be read, lacks a required column, or has one that looks misspelt.
    """
    frame = _read(path).rename(columns=lambda name: str(name).strip()).reset_index(drop=True)
    found = listed(frame.columns, known)
    for name in required:
        if name not in frame:
            raise UserError(
                f"{path}: expected a column '{name}', found {found}."
                f"{hinted(name, frame.columns)} Add it, or rename yours"
            )
    unknown = [name for name in frame.columns if name not in known and not name.startswith("meta_")]
    for name in unknown:
        if close := get_close_matches(name, set(known) - set(frame.columns), 1, _MISSPELT):
            raise UserError(
                f"{path}: unknown column '{name}'. Did you mean '{close[0]}'? "
                "Rename it, or write meta_ before it to carry it along as it is"
            )
    if unknown:
        _LOG.info(
            "%s: left out columns: %s; call one meta_<name> to carry it along", path, listed(unknown, known)
        )
    return frame.drop(columns=unknown)


def _read(path: Path) -> pd.DataFrame:
    if path.suffix.lower() not in _SUFFIXES:
        raise UserError(f"{path}: expected a file of {' or '.join(_SUFFIXES)}, found '{path.suffix}'")
    try:
        if path.suffix.lower() == ".parquet":
            return _stripped(pd.read_parquet(path))
        return _stripped(pd.read_csv(path, dtype=str, encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        kind = path.suffix.lstrip(".").upper()
        raise UserError(f"{path}: expected a table as {kind}, cannot read it ({error})") from error


def _stripped(frame: pd.DataFrame) -> pd.DataFrame:
    """Take the spaces around words away: a patient is the same with and without them."""
    frame = frame.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    return frame.mask(frame == "")
