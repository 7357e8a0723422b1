"""Reading prepared views: `python benchmarks/stored_views.py`.

Targets: a view of 1024 x 512 as float32 in at most 3 times a plain memory copy of those bytes; 5,000 views of
256 x 128 a second in one process, as float32 one by one and in batches as training reads them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from commands import load, scratch
from numpy.typing import NDArray
from targets import Figure, show

from bcdl.assemble import build_data
from bcdl.configs import compose
from bcdl.data.datamodule import ExamDataModule
from bcdl.data.readers import Phantom
from bcdl.data.store import ImageStore
from bcdl.imaging import AS_IT_IS, Display, Picture

LARGE, LARGE_PATIENTS = (1024, 512), 32
SMALL, SMALL_PATIENTS = (256, 128), 1000
BITS = (8, 16)
ROUNDS = 9
OVER_COPYING, VIEWS_A_SECOND = 3.0, 5000.0


@dataclass(frozen=True)
class GreyPhantom(Phantom):
    """The phantom without its slow part: every view is an even grey, of 8 or 16 bit."""

    bits: int = 8

    def load(self, path: str, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
        """Return a view (H, W) whose grey level depends on its path, with one pixel of another."""
        pixels = np.full(self.size, sum(path.encode()) % 255, np.uint8 if self.bits == 8 else np.uint16)
        pixels[0, 0] = 255
        return Picture(pixels)


def main() -> None:
    with scratch():
        figures = [large_views(bits) for bits in BITS]
        figures += [figure for bits in BITS for figure in small_views(bits)]
    show(figures)
    print(load())


def large_views(bits: int) -> Figure:
    """Return how many times as long as copying float32 values it takes to read them."""
    store = stored(LARGE, LARGE_PATIENTS, bits).store
    shape = (len(store), store.height, store.width, store.channels)
    plain = np.random.default_rng(0).random(shape, np.float32)
    reading(store)  # maps the file's pages
    ratio = median(reading(store) / copying(plain.__getitem__, shape) for _ in range(ROUNDS))
    return Figure(f"1024 x 512, {bits} bit, as float32, of copying", ratio, OVER_COPYING, "")


def small_views(bits: int) -> list[Figure]:
    """Return how many views a second are read one by one, and in batches of exams."""
    data = stored(SMALL, SMALL_PATIENTS, bits)
    batched(data), reading(data.store)  # imports; maps the file's pages
    alone = median(len(data.store) / reading(data.store) for _ in range(ROUNDS))
    batches = median(len(data.store) / batched(data) for _ in range(ROUNDS))
    name = f"256 x 128, {bits} bit, as float32"
    return [
        Figure(f"{name}, one by one", alone, VIEWS_A_SECOND, "a second", at_least=True),
        Figure(f"{name}, in batches of exams", batches, VIEWS_A_SECOND, "a second", at_least=True),
    ]


def stored(size: tuple[int, int], patients: int, bits: int) -> ExamDataModule:
    """Return the prepared and split data of a cohort."""
    phantom = [f"data.reader.patients={patients}", f"data.reader.size={list(size)}".replace(" ", "")]
    cfg = compose("train", ["data=phantom", "data.unit=exam", *phantom, f"+data.reader.bits={bits}"])
    cfg.data.reader["_target_"] = f"{__name__}.GreyPhantom"
    data = build_data(cfg)
    data.setup()
    return data


def reading(store: ImageStore) -> float:
    """Return the seconds of reading all views as float32."""
    return copying(store.__getitem__, (len(store), store.height, store.width, store.channels))


def copying(view: Callable[[int], NDArray[Any]], shape: tuple[int, ...]) -> float:
    """Return the seconds of copying all views of (N, H, W, C) one by one to the same place, as float32."""
    place = np.zeros(shape[1:], np.float32)
    start = time.perf_counter()
    for row in range(shape[0]):
        place[...] = view(row)
    return time.perf_counter() - start


def batched(data: ExamDataModule) -> float:
    """Return the seconds of reading all views in batches, as float32."""
    start = time.perf_counter()
    for batch in data.predict_dataloader():
        batch["image"].float()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
