"""Decode images into a store's segments: in parallel where it pays, in bounded memory."""

import hashlib
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bcdl.data.decoding import Decoded, Decoder, Shape, Source, other_size
from bcdl.data.heap import freed_memory_kept
from bcdl.data.pool import cores, in_order
from bcdl.data.progress import progress
from bcdl.data.row_file import RowFile
from bcdl.data.segments import Segment, Written
from bcdl.imaging import Pixels, widen

_PROBES, _MOST_PROBES = 8, 64  # images decoded beforehand, for shape, type and speed; files tried for them
_WORTH_WORKERS = 4.0  # seconds of work from which starting processes pays
_CHUNK_SECONDS = 0.5  # work that a process is given at a time
_CHUNK_MOST = 256  # images

Chunk = Sequence[tuple[int, Source]]  # images with their slots
Advance = Any  # what `progress` yields


class _Wider(Exception):  # noqa: N818 (a signal)
    """A 16-bit image turned up where the segment is of 8 bit."""


@dataclass(frozen=True)
class _Filler:
    """Writes images into a segment's file; goes to worker processes."""

    decoder: Decoder
    file: RowFile

    def fill(self, chunk: Chunk) -> list[Written]:
        return self.write([(slot, self.decoder.decode(source)) for slot, source in chunk])

    def write(self, images: Sequence[tuple[int, Decoded]]) -> list[Written]:
        with self.file.writing() as write:
            return [self._written(slot, decoded, write) for slot, decoded in images]

    def _written(self, slot: int, decoded: Decoded, write: Any) -> Written:  # noqa: ANN401 (RowFile's)
        if decoded.pixels is None:
            return Written(decoded, slot, None)
        pixels = self._fitted(decoded.pixels, decoded.source)
        write(slot, pixels.tobytes())
        return Written(replace(decoded, pixels=None), slot, checksum(pixels))

    def _fitted(self, image: Pixels, source: Source) -> Pixels:
        if image.shape != self.file.shape:
            raise other_size(image.shape, self.file.shape, source)
        if image.dtype == self.file.dtype:
            return image
        if image.dtype == np.uint16:
            raise _Wider
        return widen(image)


def checksum(pixels: Pixels) -> str:
    """Return the checksum of an image, the same whether it is stored in 8 bit or, scaled up, in 16."""
    return hashlib.blake2b(widen(pixels).tobytes(), digest_size=16).hexdigest()


def fill(
    folder: Path, decoder: Decoder, sources: Sequence[Source], shape: Shape | None, workers: int | None
) -> None:
    """Add images to a store: a segment, and another where 16-bit images follow 8-bit ones.

    Args:
        folder: The store's.
        decoder: Decodes and prepares the images.
        sources: The images.
        shape: (H, W, C) of the images that the store holds already, if any.
        workers: Processes; `None` is one a core. Quick work stays in this process.

    Raises:
        UserError: Sizes differ. What was stored before stays.
        RunError: The disk is full, or a worker died. What was stored before stays.
    """
    with progress("prepare images", len(sources), "images") as advance, freed_memory_kept():
        probes, seconds = _probe(decoder, sources)
        advance(len(probes))
        rest = sources[len(probes) :]
        workers = (workers or cores()) if seconds * len(rest) > _WORTH_WORKERS else 1
        found = [probe.pixels for probe in probes if probe.pixels is not None]
        shape = shape or (found[0].shape if found else (1, 1, 1))
        dtype = np.result_type(*found) if found else np.dtype(np.uint8)
        while probes or rest:
            segment = Segment(folder, len(probes) + len(rest), shape, dtype)
            rest = _fill(segment, decoder, probes, _chunks(rest, len(probes), seconds), workers, advance)
            probes, dtype = [], np.dtype(np.uint16)


def _probe(decoder: Decoder, sources: Sequence[Source]) -> tuple[list[Decoded], float]:
    """Decode the first images, until some can be decoded; return them and the seconds that one takes."""
    images: list[Decoded] = []
    seconds: list[float] = []
    for source in sources:
        start = time.perf_counter()
        images.append(decoder.decode(source))
        if images[-1].pixels is not None:
            seconds.append(time.perf_counter() - start)
        if len(seconds) == _PROBES or len(images) == _MOST_PROBES:
            break
    return images, median(seconds) if seconds else 0.0


def _chunks(sources: Sequence[Source], first: int, seconds: float) -> list[Chunk]:
    size = min(_CHUNK_MOST, max(1, round(_CHUNK_SECONDS / max(seconds, 1e-6))))
    slots = list(enumerate(sources, start=first))
    return [slots[start : start + size] for start in range(0, len(slots), size)]


def _fill(
    segment: Segment,
    decoder: Decoder,
    probes: Sequence[Decoded],
    chunks: Sequence[Chunk],
    workers: int,
    advance: Advance,
) -> Sequence[Source]:
    """Fill a segment; return the images from the first on that does not go into it, of 16 bit."""
    filler = _Filler(decoder, segment.file)
    done = 0
    with segment.file.explaining_a_full_disk(), segment.recording() as journal:
        journal.add(filler.write(list(enumerate(probes))))
        with closing(in_order(filler.fill, chunks, workers)) as written:
            try:
                for images in written:
                    journal.add(images)
                    advance(len(images))
                    done += 1
            except _Wider:
                return [source for chunk in chunks[done:] for _, source in chunk]
    return []
