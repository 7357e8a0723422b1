"""A store's images in segments: what one preparation added, with a record of each image.

A segment is an array file `<name>.npy` and its records, at first a journal `<name>.jsonl` that is written
line by line while images are decoded, at the end `<name>.parquet`. A preparation that is killed leaves its
journal, and what that records stays: segments are added to a store and never changed.
"""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import pandas as pd

from bcdl.data.decoding import Decoded
from bcdl.data.row_file import RowFile

ARRAY, JOURNAL, RECORDS = ".npy", ".jsonl", ".parquet"
_PREFIX = "part-"
COLUMNS = ["key", "slot", "checksum", "spacing", "geometry", "problems"]


@dataclass(frozen=True)
class Written:
    """An image that went through: what became of it, and the checksum of its pixels where it has any."""

    decoded: Decoded
    slot: int
    checksum: str | None


class Segment:
    """A segment that is being written.

    Args:
        folder: The store's.
        rows: How many images there is room for.
        shape: (H, W, C) of each.
        dtype: Of a pixel.
    """

    def __init__(self, folder: Path, rows: int, shape: tuple[int, ...], dtype: Any) -> None:  # noqa: ANN401
        self._stem = folder / f"{_PREFIX}{time.time_ns():020d}-{uuid4().hex[:6]}"
        self.file = RowFile(self._stem.with_suffix(ARRAY), rows, shape, dtype)

    @contextmanager
    def recording(self) -> Iterator["Journal"]:
        """Make the files and yield the journal; at the end, however it comes, its records are made safe."""
        self.file.create()
        with self._stem.with_suffix(JOURNAL).open("w") as lines:
            try:
                yield Journal(lines)
            finally:
                lines.flush()
                self._finish()

    def _finish(self) -> None:
        self.file.sync()
        journal = self._stem.with_suffix(JOURNAL)
        records = _from_journal(journal)
        if records.empty:
            self.file.path.unlink()
        else:
            write_parquet(records, self._stem.with_suffix(RECORDS))
        journal.unlink()


class Journal:
    """Records of images, a line each.

    Args:
        lines: The open file.
    """

    def __init__(self, lines: IO[str]) -> None:
        self._lines = lines

    def add(self, images: Iterable[Written]) -> None:
        """Record images that are written."""
        self._lines.writelines(json.dumps(_record(image)) + "\n" for image in images)
        self._lines.flush()


def read_records(folder: Path) -> pd.DataFrame:
    """Return a row a stored or refused image: `COLUMNS` and its `segment`; of a key, the newest.

    Raises:
        OSError: Records cannot be read.
        ValueError: Records are damaged.
    """
    try:
        frames = [
            records.assign(segment=file.with_suffix(ARRAY).name) for file, records in _all_records(folder)
        ]
    except FileNotFoundError:  # a journal became records meanwhile
        return read_records(folder)
    if not frames:
        return pd.DataFrame(columns=[*COLUMNS, "segment"])
    return pd.concat(frames, ignore_index=True).drop_duplicates("key", keep="last", ignore_index=True)


def remove_damaged(folder: Path) -> None:
    """Remove segments whose records cannot be read: nobody knows what lies in them."""
    for file in folder.glob(f"{_PREFIX}*{RECORDS}"):
        try:
            pd.read_parquet(file)
        except ValueError:  # pyarrow's errors are such
            file.unlink()
            file.with_suffix(ARRAY).unlink(missing_ok=True)


def _all_records(folder: Path) -> Iterator[tuple[Path, pd.DataFrame]]:
    """Yield the records of every segment with their file, the oldest first: names begin with the time."""
    for file in sorted(folder.glob(f"{_PREFIX}*")):
        if file.suffix in (RECORDS, JOURNAL):
            yield file, pd.read_parquet(file) if file.suffix == RECORDS else _from_journal(file)


def write_parquet(frame: pd.DataFrame, file: Path) -> None:
    """Write a table so that a reader finds it whole or not at all."""
    part = file.with_suffix(f".{uuid4().hex[:8]}.tmp")
    try:
        frame.to_parquet(part, index=False)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _record(image: Written) -> dict[str, Any]:
    decoded = image.decoded
    return {
        "key": decoded.source.key,
        "slot": image.slot,
        "checksum": image.checksum,
        "spacing": decoded.spacing,
        "geometry": None if decoded.geometry is None else json.dumps(asdict(decoded.geometry)),
        "problems": json.dumps([[problem.kind, problem.detail] for problem in decoded.problems]),
    }


def _from_journal(file: Path) -> pd.DataFrame:
    """Return the records of a journal, but for a last line that was torn off."""
    lines = [line for line in file.read_text().split("\n")[:-1] if line]
    frame = pd.DataFrame([json.loads(line) for line in lines], columns=COLUMNS)
    return frame.astype({"slot": "int64", "spacing": "float64"})
