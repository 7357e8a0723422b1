"""The prepared images of a data set as one memory-mapped array on disk: made once, then opened at once.

A store is the folder `<reader's name>-<key>` with `images.npy` (N, H, W, C) and `store.json`. Its key hashes
the reader's fingerprint, the imaging settings and the ordered images, so a change of any makes another
store. It appears under its name only when it is complete.
"""

import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd

from bcdl.data.decoding import Decoder, Skipped, Source
from bcdl.data.filling import fill
from bcdl.data.readers.reader import Reader
from bcdl.data.table import ExamTable
from bcdl.errors import UserError
from bcdl.imaging import Imaging, Pixels

_LOG = logging.getLogger(__name__)
_VERSION = 1  # raise it when the same settings give other pixels: it enters the key
_IMAGES, _ABOUT = "images.npy", "store.json"
_KEY = 12  # characters
_ABANDONED = 24 * 3600.0  # seconds without a write after which an unfinished store is nobody's


class ImageStore:
    """Prepared images, read from disk as they are asked for; pickled as the name of its folder.

    Args:
        folder: A folder that `build_store` made.

    Attributes:
        folder: That folder.
        height: Height of every image in pixels.
        width: Width of every image in pixels.
        channels: Channels of every image.
        dtype: Type of a pixel, uint8 or uint16.
        fingerprint: Hash of the array's shape, type and content: equal for equal pixels, wherever they lie.
        skipped: The images that could not be read and are left out.

    Raises:
        UserError: The folder holds no whole store.
    """

    height: int
    width: int
    channels: int

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            about = json.loads((folder / _ABOUT).read_text())
            self._images: Pixels = np.asarray(np.load(folder / _IMAGES, mmap_mode="r"))
        except (OSError, ValueError) as error:
            raise UserError(
                f"{folder}: expected an image store, found a damaged one ({error}); "
                "delete the folder, it will be made anew"
            ) from error
        self.height, self.width, self.channels = self._images.shape[1:]
        self.dtype: np.dtype[np.uint8 | np.uint16] = self._images.dtype
        self.fingerprint: str = about["fingerprint"]
        self.skipped = [Skipped(Source(**image["source"]), image["reason"]) for image in about["skipped"]]

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, row: int) -> Pixels:
        """Return the image of a row, (H, W, C), read-only."""
        image: Pixels = self._images[row]
        return image

    def __reduce__(self) -> tuple[type["ImageStore"], tuple[Path]]:
        return ImageStore, (self.folder,)


def cache_folder() -> Path:
    """Return the folder of image stores in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "bcdl" / "stores"


def build_store(
    reader: Reader,
    table: ExamTable,
    imaging: Imaging,
    folder: Path,
    workers: int | None = None,
    on_bad_row: str = "error",
) -> tuple[ImageStore, ExamTable]:
    """Open the store of a table's images, making it first where it is not there yet.

    Processes that want the same store wait for the first of them, and then open what it made.

    Args:
        reader: Decodes the images.
        table: The images, in the order in which they are stored.
        imaging: How they are prepared.
        folder: Where stores lie.
        workers: Processes that decode; `None` is one a core. Quick work stays in this process.
        on_bad_row: `error`, or `skip` for images that cannot be read.

    Returns:
        The store, and the table with only the stored images (and their findings): row i lies at position i.

    Raises:
        UserError: An image cannot be read, sizes differ without an imaging size, or the folder cannot be
            written to.
        RunError: The disk is full, or a worker died.
    """
    sources = _sources(table.images)
    target = Path(folder) / f"{reader.name}-{_key(reader, imaging, sources)}"
    decoder = Decoder(reader, imaging, skip=on_bad_row == "skip")
    if not target.is_dir() or _mended(target, replace(decoder, skip=True)):
        with _alone(target):
            if not target.is_dir():
                _build(target, decoder, sources, workers)
    store = ImageStore(target)
    if store.skipped and on_bad_row == "error":
        raise store.skipped[0].error()
    return store, _stored_rows(store, table)


def _sources(images: pd.DataFrame) -> list[Source]:
    cells = zip(images["path"].tolist(), images["frame"].tolist(), strict=True)
    return [Source(row, path, frame) for row, (path, frame) in enumerate(cells)]


def _key(reader: Reader, imaging: Imaging, sources: list[Source]) -> str:
    images = [(source.path, source.frame) for source in sources]
    identity = [_VERSION, reader.fingerprint(), asdict(imaging), images]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:_KEY]


def _mended(target: Path, decoder: Decoder) -> bool:
    """Take a store away if an image that it left out can be read now, say since a codec was installed."""
    skipped = ImageStore(target).skipped
    mended = any(not isinstance(decoder.decode(image.source), Skipped) for image in skipped)
    if mended:
        with _alone(target):
            shutil.rmtree(target, ignore_errors=True)
    return mended


def _build(target: Path, decoder: Decoder, sources: list[Source], workers: int | None) -> None:
    """Make a store under another name and give it its own when it is complete."""
    part = target.with_name(f"{target.name}.{uuid4().hex[:8]}.part")
    part.mkdir()
    try:
        fingerprint, skipped = fill(part / _IMAGES, decoder, sources, workers)
        about = {"fingerprint": fingerprint, "skipped": [asdict(image) for image in skipped]}
        (part / _ABOUT).write_text(json.dumps(about, indent=1))
        _publish(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _publish(part: Path, target: Path) -> None:
    """Rename a complete store, unless another process was quicker."""
    try:
        part.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Let one process at a time make a store, where the file system has locks; the rename is safe without."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = target.with_name(f".{target.name}.lock").open("w")
    except OSError as error:
        raise UserError(
            f"{target.parent}: expected a folder for image stores, cannot write there ({error.strerror}); "
            "point data.store at another one"
        ) from error
    with lock:
        with suppress(OSError):
            _wait_for(lock.fileno(), target)
        _remove_abandoned(target)
        yield


def _wait_for(lock: int, target: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _LOG.info("waiting for another process that prepares the images of %s", target.name)
        fcntl.flock(lock, fcntl.LOCK_EX)


def _remove_abandoned(target: Path) -> None:
    """Remove what processes that were killed have left of the same store."""
    for part in target.parent.glob(f"{target.name}.*.part"):
        with suppress(OSError):
            if time.time() - max(path.stat().st_mtime for path in (part, *part.iterdir())) > _ABANDONED:
                shutil.rmtree(part)


def _stored_rows(store: ImageStore, table: ExamTable) -> ExamTable:
    """Leave out the images that are not in the store, and their findings."""
    if not store.skipped:
        return table
    _LOG.warning(
        "left out %d of %d images that cannot be read (all are listed in %s); the first: %s",
        len(store.skipped),
        len(table.images),
        store.folder / _ABOUT,
        store.skipped[0].reason,
    )
    images = table.images.drop(index=[image.source.row for image in store.skipped]).reset_index(drop=True)
    return replace(table, images=images, findings=_findings_of(images, table.findings))


def _findings_of(images: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    return findings[findings["image_id"].isin(images["image_id"])].reset_index(drop=True)
