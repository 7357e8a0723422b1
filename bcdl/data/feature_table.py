"""The classical features of a store's images, as a table beside them: a row an image that was measured.

Rows are found by the checksum of the stored pixels, so that those of other pixels are never taken for them.
`bcdl prepare` writes the table of its images, with their ids. What opens a store and needs features it lacks
adds them without an id: names come into a store by `bcdl prepare` alone.
"""

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.locking import alone
from bcdl.data.pool import cores, in_order
from bcdl.data.preparing import Prepared
from bcdl.data.progress import progress
from bcdl.data.segments import write_parquet
from bcdl.data.store import ImageStore
from bcdl.features import FEATURES, feature_table

_LOG = logging.getLogger(__name__)
FILE = "features.parquet"
_COLUMNS = ["image_id", "checksum", *FEATURES]
_CHUNK = 64  # images that a process is given at a time


@dataclass(frozen=True)
class _Measure:
    """Measures rows of a store; goes to worker processes."""

    store: ImageStore

    def __call__(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return feature_table(self.store[row] for row in rows.tolist())


def write_features(prepared: Prepared, workers: int | None) -> Path:
    """Write `features.parquet` into the store: `image_id`, `checksum` and a column a feature.

    Images that the table holds already, by their checksum, are not measured again.

    Args:
        prepared: The images.
        workers: Processes; `None` is one a core.

    Returns:
        The file.

    Raises:
        UserError: scikit-image is not installed, or the folder cannot be written to.
    """
    store, images = prepared.store, prepared.table.images
    file = store.folder / FILE
    with alone(store.folder):
        features = _features(_completed(_read(file), store, workers), store)
        features.insert(0, "image_id", images["image_id"].to_numpy())
        write_parquet(features.astype({"image_id": "string"}), file)
    return file


def stored_features(store: ImageStore) -> NDArray[np.float32]:
    """Return `FEATURES` of every image, (N, F), from the table in its folder; what that lacks is measured.

    It is then added to the table, while other processes that need it wait. A table that lacks nothing is not
    written to.

    Args:
        store: The images, of one folder or of several joined.

    Raises:
        UserError: Images are to be measured, and scikit-image is not installed.
    """
    found = np.zeros((len(store), len(FEATURES)), np.float32)
    for folder, rows in store.folders():
        part = store.subset(rows)
        found[rows] = _features(_known(folder, part), part)[list(FEATURES)]
    return found


def _known(folder: Path, store: ImageStore) -> pd.DataFrame:
    """Return the table of a folder, completed by the images of a store that lie there."""
    table = _read(folder / FILE)
    if not len(_missing(table, store)):
        return table
    if not os.access(folder, os.W_OK):
        _LOG.warning("%s: cannot write there, so that features are measured each time anew", folder)
        return _completed(table, store, None)
    with alone(folder):
        table = _completed(_read(folder / FILE), store, None)  # another process may have measured them
        write_parquet(table, folder / FILE)
    return table


def _read(file: Path) -> pd.DataFrame:
    """Return what is measured already; nothing where the file is missing, damaged or of other features."""
    with suppress(OSError, ValueError):
        known = pd.read_parquet(file)
        if list(known.columns) == _COLUMNS:
            return known
    return pd.DataFrame(columns=_COLUMNS)


def _missing(table: pd.DataFrame, store: ImageStore) -> NDArray[np.int64]:
    """Return the rows of a store whose pixels, the first of equal ones, a table does not hold."""
    checksums = pd.Series(store.checksums)
    return np.flatnonzero(~checksums.isin(table["checksum"]) & ~checksums.duplicated())


def _completed(table: pd.DataFrame, store: ImageStore, workers: int | None) -> pd.DataFrame:
    """Return a table with a row for every image of a store, those that it lacked without an id."""
    missing = _missing(table, store)
    added = pd.DataFrame(_measured(store, missing, workers), columns=list(FEATURES))
    added.insert(0, "checksum", [store.checksums[row] for row in missing])
    added.insert(0, "image_id", pd.Series(pd.NA, range(len(missing)), dtype="string"))
    parts = [part for part in (table, added) if len(part)]
    return pd.concat(parts, ignore_index=True)


def _features(table: pd.DataFrame, store: ImageStore) -> pd.DataFrame:
    """Return `checksum` and features of every image of a store, in its order."""
    known = table.drop(columns="image_id").drop_duplicates("checksum")
    return pd.DataFrame({"checksum": store.checksums}).merge(known, on="checksum", how="left")


def _measured(store: ImageStore, rows: NDArray[np.int64], workers: int | None) -> NDArray[np.float32]:
    chunks = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    found = [np.zeros((0, len(FEATURES)), np.float32)]
    with progress("measure features", len(rows), "images") as advance:
        for features in in_order(_Measure(store), chunks, workers or cores()):
            found.append(features)
            advance(len(features))
    return np.concatenate(found)
