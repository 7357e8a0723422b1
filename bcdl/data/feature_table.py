"""The classical features of a store's images, as a table beside them."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.pool import cores, in_order
from bcdl.data.preparing import Prepared
from bcdl.data.progress import progress
from bcdl.data.segments import write_parquet
from bcdl.data.store import ImageStore
from bcdl.features import FEATURES, feature_table

FILE = "features.parquet"
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
        UserError: scikit-image is not installed.
    """
    file = prepared.store.folder / FILE
    rows = pd.DataFrame({"image_id": prepared.table.images["image_id"], "checksum": prepared.store.checksums})
    known = _known(file)
    missing = np.flatnonzero(~rows["checksum"].isin(known["checksum"]))
    measured = pd.DataFrame(_measured(prepared.store, missing, workers), columns=list(FEATURES))
    measured.insert(0, "checksum", rows["checksum"].to_numpy()[missing])
    tables = [table for table in (known, measured) if len(table)]
    everything = pd.concat(tables, ignore_index=True).drop_duplicates("checksum")
    write_parquet(rows.merge(everything, on="checksum", how="left"), file)
    return file


def _known(file: Path) -> pd.DataFrame:
    """Return what is measured already; nothing where the file is missing, damaged or of other features."""
    columns = ["checksum", *FEATURES]
    with suppress(OSError, ValueError):
        known = pd.read_parquet(file).drop(columns="image_id")
        if list(known.columns) == columns:
            return known
    return pd.DataFrame(columns=columns)


def _measured(store: ImageStore, rows: NDArray[np.int64], workers: int | None) -> NDArray[np.float32]:
    chunks = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    found = [np.zeros((0, len(FEATURES)), np.float32)]
    with progress("measure features", len(rows), "images") as advance:
        for features in in_order(_Measure(store), chunks, workers or cores()):
            found.append(features)
            advance(len(features))
    return np.concatenate(found)
