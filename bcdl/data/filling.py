"""Decode all images of a table into one `.npy` file: in parallel where it pays, in bounded memory."""

import hashlib
import os
import signal
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from bcdl.data.decoding import Decoder, Skipped, Source, other_size
from bcdl.data.progress import progress
from bcdl.data.row_file import RowFile
from bcdl.errors import RunError, UserError
from bcdl.imaging import Pixels, widen

_PROBES = 8  # images decoded beforehand, for shape, type and speed
_WORTH_WORKERS = 4.0  # seconds of work from which starting processes pays
_CHUNK_SECONDS = 0.5  # work that a process is given at a time
_CHUNK_MOST = 256  # images

Outcome = bytes | Skipped  # the hash of a row that was written, or why it was not


class _Wider(Exception):  # noqa: N818 (a signal)
    """A 16-bit image turned up where the array is of 8 bit."""


@dataclass(frozen=True)
class _Filler:
    """Writes images into a file; goes to worker processes."""

    decoder: Decoder
    file: RowFile

    def fill(self, sources: Sequence[Source]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        with self.file.writing() as write:
            for source in sources:
                image = self.decoder.decode(source)
                if isinstance(image, Skipped):
                    outcomes.append(image)
                    continue
                data = self._fitted(image, source).tobytes()
                write(source.row, data)
                outcomes.append(hashlib.blake2b(data, digest_size=16).digest())
        return outcomes

    def _fitted(self, image: Pixels, source: Source) -> Pixels:
        if image.shape != self.file.shape:
            raise other_size(image.shape, self.file.shape, source)
        if image.dtype == self.file.dtype:
            return image
        if image.dtype == np.uint16:
            raise _Wider
        return widen(image)


def fill(
    path: Path, decoder: Decoder, sources: Sequence[Source], workers: int | None
) -> tuple[str, list[Skipped]]:
    """Make the file of an array (N, H, W, C), uint16 where one image is (8 bit are scaled up), else uint8.

    Args:
        path: The `.npy` file to make.
        decoder: Decodes and prepares the images.
        sources: The images, in order.
        workers: Processes; `None` is one a core. Quick work stays in this process.

    Returns:
        A hash of the array, and the images left out.

    Raises:
        UserError: An image cannot be read (or none can, where such are skipped), or sizes differ.
        RunError: The disk is full, or a worker died.
    """
    probes, seconds = _probe(decoder, sources)
    file = RowFile(path, len(sources), probes[0].shape, np.result_type(*probes))
    chunks = _chunks(sources, seconds)
    workers = (workers or _cores()) if seconds * len(sources) > _WORTH_WORKERS else 1
    try:
        return _fill(_Filler(decoder, file), chunks, workers)
    except _Wider:
        return _fill(_Filler(decoder, replace(file, dtype=np.dtype(np.uint16))), chunks, workers)


def _probe(decoder: Decoder, sources: Sequence[Source]) -> tuple[list[Pixels], float]:
    """Decode a few images from all over the table; return them and the seconds that one takes."""
    spread = sources[:: max(1, len(sources) // _PROBES)]
    images, seconds = [], []
    start = time.perf_counter()
    for image in islice(decoder.readable(iter([*spread, *sources])), min(_PROBES, len(sources))):
        images.append(image)
        seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
    if not images:
        raise UserError(
            f"{decoder.reader.name}: expected images, found none of {len(sources)} that can be read; "
            f"data.on_bad_row=error shows why"
        )
    return images, median(seconds)


def _chunks(sources: Sequence[Source], seconds: float) -> list[Sequence[Source]]:
    size = min(_CHUNK_MOST, max(1, round(_CHUNK_SECONDS / max(seconds, 1e-6))))
    return [sources[start : start + size] for start in range(0, len(sources), size)]


def _fill(filler: _Filler, chunks: list[Sequence[Source]], workers: int) -> tuple[str, list[Skipped]]:
    file = filler.file
    outcomes: list[Outcome] = []
    with file.explaining_a_full_disk():
        file.create()
        with (
            progress("prepare images", file.rows, "images") as advance,
            closing(_run(filler, chunks, workers)) as done,
        ):
            for chunk in done:
                outcomes.extend(chunk)
                advance(len(chunk))
        kept = [row for row, outcome in enumerate(outcomes) if isinstance(outcome, bytes)]
        file.finish(kept)
    digest = hashlib.sha256(f"{(len(kept), *file.shape)} {file.dtype}".encode())
    digest.update(b"".join(outcome for outcome in outcomes if isinstance(outcome, bytes)))
    return digest.hexdigest(), [outcome for outcome in outcomes if isinstance(outcome, Skipped)]


def _run(
    filler: _Filler, chunks: list[Sequence[Source]], workers: int
) -> Generator[list[Outcome], None, None]:
    """Yield what became of each chunk, in order."""
    if workers == 1:
        yield from map(filler.fill, chunks)
        return
    pool = ProcessPoolExecutor(min(workers, len(chunks)), get_context("spawn"), _start_worker)
    try:
        yield from pool.map(filler.fill, chunks)
    except BrokenProcessPool as error:
        raise RunError(
            "a process that prepares images was killed, probably for want of memory; free some, "
            "or set a smaller imaging.size"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    """Return how many cores this process may use; macOS tells only how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and the cores to the other workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
