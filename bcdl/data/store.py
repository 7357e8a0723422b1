"""The prepared images of a data set on disk, read through memory maps and checked against their checksums.

A store is the folder `<reader's name>-<key>` with segments of images (`bcdl.data.segments`), the exam and
findings tables of the last preparation as Parquet, and `store.json`. Its key hashes where the data lie and
the imaging settings. `bcdl.data.preparing` makes it.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.filling import checksum
from bcdl.data.segments import read_records
from bcdl.errors import UserError
from bcdl.imaging import Geometry, Pixels, widen

ABOUT = "store.json"


class ImageStore:
    """Prepared images in the order of an exam table, read from disk as they are asked for.

    Args:
        folder: The store's folder.
        records: A row an image, in the table's order, as `bcdl.data.segments.read_records` gives them.

    Attributes:
        folder: That folder.
        height: Height of every image in pixels.
        width: Width of every image in pixels.
        channels: Channels of every image.
        dtype: Type of a pixel, uint8 or uint16.
        checksums: Of every image's stored bytes.
        spacing: (N,) millimetres from pixel to pixel as stored, NaN where unknown.

    Raises:
        UserError: A segment is missing or damaged, or there is no image.
    """

    height: int
    width: int
    channels: int

    def __init__(self, folder: Path, records: pd.DataFrame) -> None:
        self.folder = folder
        self._records = records
        self._segment, names = pd.factorize(records["segment"])
        self._slot = records["slot"].to_numpy(np.int64)
        self._files = [folder / name for name in names]
        self._arrays = [_open(file) for file in self._files]
        self.checksums: list[str] = records["checksum"].tolist()
        self.spacing: NDArray[np.float64] = records["spacing"].to_numpy(np.float64)
        shapes = {array.shape[1:] for array in self._arrays}
        if len(shapes) != 1:
            raise UserError(f"{folder}: expected images of one size, found {len(shapes)}; delete the folder")
        self.height, self.width, self.channels = shapes.pop()
        self.dtype: np.dtype[np.uint8 | np.uint16] = np.result_type(*self._arrays)

    def __len__(self) -> int:
        return len(self._slot)

    def __getitem__(self, row: int) -> Pixels:
        """Return the image of a row, (H, W, C), read-only."""
        image: Pixels = self._arrays[self._segment[row]][self._slot[row]]
        return image if image.dtype == self.dtype else widen(image)

    def __reduce__(self) -> tuple[type["ImageStore"], tuple[Any, ...]]:
        return ImageStore, (self.folder, self._records)

    @property
    def fingerprint(self) -> str:
        """Hash of the images' size and content in their order: equal for equal pixels, wherever they lie."""
        shape = (len(self), self.height, self.width, self.channels)
        digest = hashlib.sha256(f"{shape} {self.dtype}".encode())
        digest.update("".join(self.checksums).encode())
        return digest.hexdigest()

    def geometry(self, row: int) -> Geometry:
        """Return where a stored image lies in its source: what masks and boxes follow."""
        return Geometry.from_dict(json.loads(str(self._records["geometry"].iat[row])))

    def subset(self, rows: NDArray[np.int64]) -> "ImageStore":
        """Return the store of some rows, in their order."""
        return ImageStore(self.folder, self._records.iloc[rows].reset_index(drop=True))

    def joined(self, other: "ImageStore") -> "ImageStore":
        """Return the images of this store and after them another's; both know their segments' whole paths."""
        return ImageStore(self.folder, pd.concat([self._records, other._records], ignore_index=True))

    def folders(self) -> Iterator[tuple[Path, NDArray[np.int64]]]:
        """Yield each folder that images lie in with its rows: one, or several of joined stores."""
        number, folders = pd.factorize(pd.Series([file.parent for file in self._files], dtype=object))
        for position, folder in enumerate(folders):
            yield folder, np.flatnonzero(number[self._segment] == position)

    def damaged(self) -> list[int]:
        """Return the rows whose pixels are not those that were stored."""
        return [row for row in range(len(self)) if self._checksum(row) != self.checksums[row]]

    def _checksum(self, row: int) -> str:
        return checksum(self._arrays[self._segment[row]][self._slot[row]])


def cache_folder() -> Path:
    """Return the folder of image stores in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "bcdl" / "stores"


def read_about(folder: Path) -> dict[str, Any]:
    """Return what a store says of itself.

    Raises:
        UserError: The folder is no store.
    """
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text())
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder}: expected an image store with a {ABOUT}, found none that can be read; make it with "
            "bcdl prepare, or delete a damaged one"
        ) from error
    return about


def stored_records(folder: Path) -> pd.DataFrame:
    """Return the records of every image of a store, by key.

    Raises:
        UserError: A record cannot be read.
    """
    try:
        return read_records(folder).set_index("key", drop=False)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{folder}: expected an image store, found damaged records ({type(error).__name__}); mend "
            "it with bcdl prepare prepare.verify=true"
        ) from error


def damaged_keys(folder: Path, records: pd.DataFrame) -> set[str]:
    """Return the keys of the images whose stored pixels are not those that were recorded, or are missing."""
    found: set[str] = set()
    for _, rows in records[records["checksum"].notna()].groupby("segment"):
        try:
            damaged = ImageStore(folder, rows.reset_index(drop=True)).damaged()
        except (UserError, IndexError):
            damaged = list(range(len(rows)))
        found.update(rows["key"].iloc[damaged])
    return found


def _open(file: Path) -> Pixels:
    try:
        array: Pixels = np.asarray(np.load(file, mmap_mode="r"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{file}: expected stored images, found a damaged or missing file; mend the store with bcdl "
            "prepare prepare.verify=true"
        ) from error
    return array
