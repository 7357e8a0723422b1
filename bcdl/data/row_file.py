"""An array `.npy` file that several processes fill row by row.

Rows are written at their places rather than through a memory map: on a full disk a write fails with an
error, where a map would kill the process.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from math import prod
from pathlib import Path

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_1_0

from bcdl.errors import RunError

_FULL = (errno.ENOSPC, errno.EDQUOT)
Write = Callable[[int, bytes], None]


@dataclass(frozen=True)
class RowFile:
    """The file of an array (rows, *shape).

    Args:
        path: Where it lies.
        rows: Number of rows.
        shape: Shape of a row.
        dtype: Type of its elements.
    """

    path: Path
    rows: int
    shape: tuple[int, ...]
    dtype: np.dtype[np.uint8 | np.uint16]

    def create(self) -> None:
        """Make the file, or make it anew, with rows of zeros.

        Raises:
            RunError: The disk has no room for it.
        """
        free = shutil.disk_usage(self.path.parent).free
        if free < self.rows * self._row_bytes:
            raise self._full(free)
        with self.path.open("wb") as file:
            file.write(self._header())
            file.truncate(self._offset(self.rows))

    @contextmanager
    def writing(self) -> Iterator[Write]:
        """Yield a function that writes the bytes of a row at its place."""
        descriptor = os.open(self.path, os.O_WRONLY)
        try:
            yield lambda row, data: _write_all(descriptor, data, self._offset(row))
        finally:
            os.close(descriptor)

    def sync(self) -> None:
        """Bring the file safely to disk."""
        with self.path.open("r+b") as file:
            os.fsync(file.fileno())

    @contextmanager
    def explaining_a_full_disk(self) -> Iterator[None]:
        """Turn the error of a full disk (or quota) into one that says how much is needed and where."""
        try:
            yield
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise self._full(shutil.disk_usage(self.path.parent).free) from error

    @property
    def _row_bytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize

    def _offset(self, row: int) -> int:
        return len(self._header()) + row * self._row_bytes

    def _header(self) -> bytes:
        header = BytesIO()
        shape = (self.rows, *self.shape)
        fields = {"descr": dtype_to_descr(self.dtype), "fortran_order": False, "shape": shape}
        write_array_header_1_0(header, fields)
        return header.getvalue()

    def _full(self, free: int) -> RunError:
        return RunError(
            f"the disk is full: the image store needs {self.rows * self._row_bytes / 1e6:,.0f} MB in "
            f"{self.path.parent.parent}, where {free / 1e6:,.0f} MB are free; what was stored is kept. "
            "Free some space, set a smaller imaging.size, or point data.store at another disk"
        )


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
