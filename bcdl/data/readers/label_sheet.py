"""A user's CSV of labels, joined to images that something else lists.

A row applies to the images that its key names: one of the columns `path`, `image_id`, `exam_id` and
`patient_id`, the first that the file has; filled cells of `laterality` and `view` narrow it.
"""

import logging
from pathlib import Path, PurePosixPath

import pandas as pd

from bcdl.data.naming import listed, named
from bcdl.data.readers.annotations import rows_of_known
from bcdl.data.readers.sheet import read_sheet
from bcdl.data.schema import LATERALITIES, TEXT, VIEWS
from bcdl.errors import UserError

_LOG = logging.getLogger(__name__)
KEYS = ("path", "image_id", "exam_id", "patient_id")
_NARROWING = ("laterality", "view")
_VALUES = ("label", "birads", "density", "age", "split", "machine", "site")
_DATES = ("exam_date", "exam_day")  # neither values nor meta_*: dates stay outside
_KNOWN = (*KEYS, *_NARROWING, *_VALUES, *_DATES)


def read_label_sheet(file: Path, on_bad_row: str) -> pd.DataFrame:
    """Read the file; columns that are neither keys nor values nor called `meta_*` are left out.

    Raises:
        UserError: It cannot be read, has no column to join by, or one that looks misspelt; or a side or view
            is none of the exam table's words, and such rows are not to be skipped.
    """
    sheet = read_sheet(file, _KNOWN, ())
    if not any(key in sheet for key in KEYS):
        raise UserError(
            f"{file}: expected one of the columns {', '.join(KEYS)} to join by, found "
            f"{listed(sheet.columns, _KNOWN)}; add or rename one"
        )
    for column, words in (("laterality", LATERALITIES), ("view", VIEWS)):
        if column in sheet:
            sheet = rows_of_known(sheet, column, words, file, on_bad_row, empty=True)
    return sheet.drop(columns=[name for name in _DATES if name in sheet])


def join_labels(
    images: pd.DataFrame, names: pd.DataFrame, sheet: pd.DataFrame, file: Path, on_bad_row: str
) -> pd.DataFrame:
    """Give images the values of the rows that apply to them; empty cells leave what the images have.

    Args:
        images: Images, RangeIndex, with the columns `path`, `laterality` and `view`.
        names: The names that keys are compared with: columns `row` (position in `images`), `key` (one of
            `KEYS`) and `name`; an image may have several names of one kind.
        sheet: From `read_label_sheet`.
        file: Where it comes from, for the messages.
        on_bad_row: `error`, or `skip` to leave rows out that contradict each other.

    Raises:
        UserError: Rows of different values apply to one image, and such rows are not to be skipped.
    """
    pairs = _pairs(images, names, sheet)
    _warn_of_unmatched(images, sheet, pairs, file)
    values = [name for name in sheet if name in _VALUES or str(name).startswith("meta_")]
    pairs = pairs.drop_duplicates(["row", *values])
    pairs = _without_contradictions(pairs, images, file, on_bad_row)
    taken = pairs.set_index("row")[values].reindex(images.index)
    for name in values:
        own = images[name].astype(object) if name in images else pd.Series(None, images.index, dtype=object)
        images = images.assign(**{str(name): taken[name].astype(object).where(taken[name].notna(), own)})
    return images


def _pairs(images: pd.DataFrame, names: pd.DataFrame, sheet: pd.DataFrame) -> pd.DataFrame:
    """Return one line for every image and row that applies to it: the row's cells, `row` and `line`."""
    key = next(key for key in KEYS if key in sheet)
    wanted = sheet[key].astype(TEXT)
    if key == "path":
        wanted = wanted.map(_as_path, na_action="ignore").astype(TEXT)
    lines = sheet.assign(line=sheet.index, name=wanted).dropna(subset="name")
    known = names.loc[names["key"] == key, ["row", "name"]].dropna().drop_duplicates().astype({"name": TEXT})
    pairs = known.merge(lines, on="name")
    for column in _NARROWING:
        if column in pairs:
            found = images[column].astype(object).reindex(pairs["row"]).to_numpy()
            pairs = pairs[pairs[column].isna() | (pairs[column] == found)]
    return pairs.sort_values(["row", "line"], ignore_index=True)


def _as_path(cell: str) -> str:
    return PurePosixPath(cell.replace("\\", "/")).as_posix()


def _warn_of_unmatched(images: pd.DataFrame, sheet: pd.DataFrame, pairs: pd.DataFrame, file: Path) -> None:
    lines = sheet.index[~sheet.index.isin(pairs["line"])]
    if len(lines) == len(sheet):
        raise UserError(
            f"{file}: expected rows about the images, found none of {len(sheet)} that applies to one; do its "
            f"ids or paths and data.patient_from fit the files?"
        )
    if len(lines):
        _LOG.warning(
            "%s: %d of %d rows apply to no image, the first is row %d (counted from 1, below the header)",
            *(file, len(lines), len(sheet), lines[0] + 1),
        )
    rows = images.index[~images.index.isin(pairs["row"])]
    if len(rows):
        _LOG.warning(
            "%s: no row applies to %d of %d images, the first is %s",
            *(file, len(rows), len(images), named("file", images["path"][rows[0]])),
        )


def _without_contradictions(
    pairs: pd.DataFrame, images: pd.DataFrame, file: Path, on_bad_row: str
) -> pd.DataFrame:
    twice = pairs[pairs["row"].duplicated(keep=False)]
    if twice.empty:
        return pairs
    row = twice["row"].iloc[0]
    lines = ", ".join(str(line + 1) for line in twice.loc[twice["row"] == row, "line"])
    message = (
        f"{file}: expected one row for an image, found the rows {lines} with different values for "
        f"{named('file', images['path'][row])}, and so for {twice['row'].nunique() - 1} other images"
    )
    if on_bad_row == "error":
        raise UserError(
            f"{message}; correct them, add a column that tells the images apart ({', '.join(KEYS[:3])}, "
            "laterality, view), or set data.on_bad_row=skip to leave such rows out"
        )
    _LOG.warning("%s: these are left out", message)
    return pairs[~pairs["row"].isin(twice["row"])]
