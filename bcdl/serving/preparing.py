"""From sent bytes to prepared pixels, by the code that fills an image store."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import pandas as pd

from bcdl.data.decoding import Decoder, Source
from bcdl.data.readers.folder import FolderReader
from bcdl.data.readers.headers import header_position
from bcdl.data.readers.reader import Reader
from bcdl.data.refusals import WITHOUT_PIXELS
from bcdl.data.schema import LATERALITIES, VIEWS
from bcdl.imaging import ImageError, Pixels, Problem, widen
from bcdl.serving.contents import content, suffix
from bcdl.serving.facts import POSITIONS, Facts

UNKNOWN = "NA"
_OPEN_FILES = Path("/proc/self/fd")
_ANONYMOUS = hasattr(os, "memfd_create") and _OPEN_FILES.is_dir()


@dataclass(frozen=True)
class SentImage:
    """An image of a request.

    Attributes:
        pixels: (H, W, C) as a store would hold them; None where it is refused.
        laterality: its side, L, R or NA.
        view: its view.
        error: why it is refused.
        objections: what the quality gate says against it, used or not.
    """

    pixels: Pixels | None = None
    laterality: str = UNKNOWN
    view: str = UNKNOWN
    error: str = ""
    objections: str = ""


class SentFiles(FolderReader):
    """The pixels of images that were sent, each for a moment a file: see `_as_file`."""

    name = "request"


class MemoryStore:
    """Prepared images in memory, with what a dataset asks an `ImageStore` for.

    Args:
        facts: of the data that the model was trained on.
        images: (H, W, C) each.
    """

    def __init__(self, facts: Facts, images: Sequence[Pixels]) -> None:
        self.height, self.width = facts.image_size
        self.channels, self.dtype = facts.channels, np.dtype(facts.dtype)
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, row: int) -> Pixels:
        """Return the image of a row, (H, W, C)."""
        return self._images[row]


def prepare_images(
    cells: pd.Series, images: pd.DataFrame, errors: dict[int, str], facts: Facts
) -> list[SentImage]:
    """Decode and prepare images as those of the training were.

    Args:
        cells: (N,) bytes or base64 text.
        images: (N,) their rows; `laterality` and `view` are null where a header may tell them.
        errors: what is wrong with rows already, by position; they are not decoded.
        facts: of the data that the model was trained on.

    Raises:
        UserError: nothing can be decoded, say because an extra is not installed.
    """
    given = images[list(POSITIONS)].astype(object).where(images[list(POSITIONS)].notna(), None)
    with TemporaryDirectory(prefix="bcdl-") as folder:
        bench = _Bench(Path(folder), facts)
        return [
            _named(errors[row], *positions) if row in errors else bench.prepare(cell, *positions)
            for row, (cell, positions) in enumerate(
                zip(cells, given.itertuples(index=False, name=None), strict=True)
            )
        ]


def decoded_image(decoder: Decoder, source: Source, view: str, facts: Facts) -> SentImage:
    """Decode and prepare one image as those of the training were, and pass it through the quality gate.

    Args:
        decoder: of the image's reader, with `facts.prepares`.
        source: the image.
        view: the view that it shows.
        facts: of the data that the model was trained on.
    """
    decoded, side = decoder.decode(source), source.laterality
    against = "; ".join(problem.detail for problem in decoded.problems if problem.refuses)
    reasons = "; ".join(problem.detail for problem in decoded.problems if _refuses(problem, facts))
    if reasons or decoded.pixels is None:
        return SentImage(None, side, view, reasons or "cannot be decoded", against)
    pixels = decoded.pixels
    if pixels.dtype != facts.dtype and facts.dtype == "uint16":
        pixels = widen(pixels)
    wrong = _misfit(pixels, facts)
    return SentImage(None if wrong else pixels, side, view, wrong, against or wrong)


def _refuses(problem: Problem, facts: Facts) -> bool:
    return problem.refuses and (problem.kind in WITHOUT_PIXELS or facts.on_bad_image != "keep")


def _named(error: str, laterality: str | None, view: str | None) -> SentImage:
    """Return a row that is refused unseen, with the positions that can be believed."""
    side = laterality if laterality in LATERALITIES else None
    shown = view if view in VIEWS else None
    return SentImage(None, side or UNKNOWN, shown or UNKNOWN, error)


@contextmanager
def _as_file(data: bytes, file: Path) -> Iterator[Path]:
    """Let bytes be read as a file of a name for a moment.

    On Linux the name is a link to memory that goes with the process, so that no disk sees them, whatever
    becomes of the process. Elsewhere it is a file.
    """
    try:
        if not _ANONYMOUS:
            file.write_bytes(data)
            yield file
            return
        with os.fdopen(os.memfd_create("image"), "wb") as memory:
            memory.write(data)
            memory.flush()
            file.symlink_to(_OPEN_FILES / str(memory.fileno()))
            yield file
    finally:
        file.unlink(missing_ok=True)


class _Bench:
    """Prepares one image after the other in a folder of its own, each in the place of the one before."""

    def __init__(self, folder: Path, facts: Facts) -> None:
        self._folder, self._facts = folder, facts
        self._decoder = Decoder(cast(Reader, SentFiles(folder)), facts.prepares)

    def prepare(self, cell: object, laterality: str | None, view: str | None) -> SentImage:
        given = (laterality or UNKNOWN, view or UNKNOWN)
        try:
            data = content(cell)
            with _as_file(data, self._folder / f"image{suffix(data)}") as file:
                given = self._positions(file, laterality, view)
                return self._decoded(file.name, *given)
        except ImageError as error:
            return SentImage(None, *given, error.reason)

    def _positions(self, file: Path, laterality: str | None, view: str | None) -> tuple[str, str]:
        """Return side and view: those given, or the header's where the training's table knew them."""
        given = {"laterality": laterality, "view": view}
        asked = [name for name, word in given.items() if word is None and name in self._facts.positions]
        if asked and file.suffix == ".dcm":
            told = dict(zip(POSITIONS, header_position(file), strict=True))
            given |= {name: told[name] for name in asked}
        return given["laterality"] or UNKNOWN, given["view"] or UNKNOWN

    def _decoded(self, name: str, laterality: str, view: str) -> SentImage:
        source = Source("", "the image", name, 0, laterality)
        return decoded_image(self._decoder, source, view, self._facts)


def _misfit(pixels: Pixels, facts: Facts) -> str:
    """Return in what an image differs from those of the training, nothing where it is one of them."""
    shape = (*facts.image_size, facts.channels)
    if pixels.shape != shape:
        found, wanted = (" x ".join(map(str, each[:2])) for each in (pixels.shape, shape))
        return (
            f"expected an image of {wanted} pixels, as in training, found {found} (a model trained with "
            "imaging.size takes images of any size)"
        )
    if pixels.dtype != facts.dtype:
        return f"expected pixels of {facts.dtype}, as in training, found {pixels.dtype}"
    return ""
