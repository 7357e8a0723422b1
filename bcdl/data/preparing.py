"""From an exam table to its stored images: decodes what is not stored yet, and refuses what is not fit.

Every image that can be decoded is stored, whatever is said against it; what becomes of refused ones is
decided when the store is opened. So one bad file stops no other, and a policy can change without decoding.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.decoding import Decoder, Source
from bcdl.data.filling import fill
from bcdl.data.locking import alone
from bcdl.data.privacy import Pseudonyms
from bcdl.data.publishing import publish
from bcdl.data.readers.reader import Reader
from bcdl.data.refusals import Refusals
from bcdl.data.samples import check_choice
from bcdl.data.segments import remove_damaged
from bcdl.data.store import ImageStore, damaged_keys, stored_records
from bcdl.data.table import ExamTable, rows_of
from bcdl.imaging import UNREADABLE, Imaging

_VERSION = 2  # raise it when the same settings give other pixels: it enters the key
_KEY = 12  # characters
ON_BAD_IMAGE = ("error", "skip", "keep")


@dataclass(frozen=True)
class Preparation:
    """How a table's images are prepared.

    Args:
        imaging: What is baked into the store.
        folder: Where stores lie.
        on_bad_image: `error` stops at refused images once all others are stored, `skip` leaves them out,
            `keep` leaves out only those that cannot be decoded.
        pseudonyms: Of private data; messages then do not name files.
        workers: Processes that decode; `None` is one a core. Quick work stays in this process.
        retry: Try again what could not be decoded before, say since a codec was installed.
        verify: Check the stored images against their checksums and decode damaged ones anew.
        publish: Lay the tables and the report beside the images (`bcdl.data.publishing`).
    """

    imaging: Imaging
    folder: Path
    on_bad_image: str = "error"
    pseudonyms: Pseudonyms | None = None
    workers: int | None = None
    retry: bool = False
    verify: bool = False
    publish: bool = False

    def __post_init__(self) -> None:
        check_choice("data.on_bad_image", self.on_bad_image, ON_BAD_IMAGE)


@dataclass(frozen=True)
class Prepared:
    """What a preparation gives.

    Attributes:
        table: The images that stay, and their findings.
        store: Their pixels, row i of the table at position i.
        refusals: Every image that something was said against.
        decoded: How many images were decoded anew.
        damaged: How many of them because their stored pixels had changed.
    """

    table: ExamTable
    store: ImageStore
    refusals: Refusals
    decoded: int
    damaged: int = 0

    def rows(self, kept: NDArray[np.bool_]) -> "Prepared":
        """Return it with some images, and their findings, alone."""
        if kept.all():
            return self
        store = self.store.subset(np.flatnonzero(kept))
        return replace(self, table=rows_of(self.table, kept), store=store)


def prepare_images(reader: Reader, table: ExamTable, how: Preparation) -> Prepared:
    """Open the store of a table's images, decoding first what is not in it.

    Processes that want the same store wait for the first of them, and then open what it made. A store that
    holds everything is not written to.

    Args:
        reader: Decodes the images.
        table: The images.
        how: How they are prepared.

    Raises:
        UserError: Images are refused, none can be decoded, sizes differ without an imaging size, or the
            folder cannot be written to. What could be stored is.
        RunError: The disk is full, or a worker died. What was stored before stays.
    """
    target = how.folder / f"{reader.name}-{_key(reader, how.imaging)}"
    sources = _sources(reader, table.images, how.pseudonyms)
    decoded, damaged = 0, 0
    if how.verify or how.publish or _wanted(sources, stored_records(target), how):
        with alone(target):
            decoded, damaged = _complete(target, reader, sources, how)
    found = stored_records(target).loc[[source.key for source in sources]].reset_index(drop=True)
    refusals = Refusals.of(table.images, found, named=how.pseudonyms is None)
    if how.publish:
        keyed = replace(table, images=table.images.assign(key=found["key"].to_numpy()))
        publish(target, reader, how.imaging, keyed, refusals, how.pseudonyms is not None)
    kept = refusals.kept(how.on_bad_image, target)
    if not how.publish:  # where it is published, it is reported
        refusals.warn_of(kept)
    store = ImageStore(target, found[kept].reset_index(drop=True))
    return Prepared(rows_of(table, kept), store, refusals, decoded, damaged)


def _complete(target: Path, reader: Reader, sources: list[Source], how: Preparation) -> tuple[int, int]:
    """Decode what a store lacks; return how many images that were, and how many of them were damaged."""
    if how.verify:
        remove_damaged(target)
    records = stored_records(target)
    broken = damaged_keys(target, records) if how.verify else set()
    records = records.drop(index=list(broken))
    missing = _wanted(sources, records, how)
    if missing:
        wanted = records[records.index.isin([source.key for source in sources])]
        fill(target, Decoder(reader, how.imaging), missing, _shape(target, wanted), how.workers)
    decoded = stored_records(target).reindex([source.key for source in missing])["checksum"].notna()
    return int(decoded.sum()), sum(source.key in broken for source in missing)


def _key(reader: Reader, imaging: Imaging) -> str:
    identity = [_VERSION, reader.name, reader.fingerprint(), asdict(imaging)]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:_KEY]


def _sources(reader: Reader, images: pd.DataFrame, pseudonyms: Pseudonyms | None) -> list[Source]:
    columns = ["image_id", "path", "frame", "laterality", "pixel_spacing"]
    known = images[columns].astype(object).where(images[columns].notna(), None)
    rows = known.itertuples(index=False, name=None)
    return [Source(_image_key(reader, pseudonyms, *told), name, *told) for name, *told in rows]


def _image_key(
    reader: Reader,
    pseudonyms: Pseudonyms | None,
    path: str,
    frame: int,
    laterality: str,
    spacing: float | None,
) -> str:
    """Hash what an image's record depends on: its file, and what the table says of side and spacing."""
    name = path if pseudonyms is None else pseudonyms.name("file", path)
    said = f"{name}\0{frame}\0{laterality}\0{spacing}"
    return hashlib.blake2b(f"{said}\0{reader.state(path)}".encode(), digest_size=12).hexdigest()


def _wanted(sources: list[Source], records: pd.DataFrame, how: Preparation) -> list[Source]:
    """Return the images that are not stored, or are to be tried again."""
    passing = records["problems"].str.contains(f'"{UNREADABLE}"', regex=False)
    known = records[~passing.astype(bool)]
    if how.retry or how.on_bad_image == "error":
        known = known[known["checksum"].notna()]
    keys = set(known.index)
    return [source for source in sources if source.key not in keys]


def _shape(target: Path, records: pd.DataFrame) -> tuple[int, int, int] | None:
    """Return the size of the images that a store holds already, None where there are none."""
    stored = records[records["checksum"].notna()]
    if stored.empty:
        return None
    store = ImageStore(target, stored.head(1))
    return store.height, store.width, store.channels
