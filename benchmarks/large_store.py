"""Memory of 100,000 views: `python benchmarks/large_store.py`. Linux only; takes 3.3 GB of temporary disk.

The phantom's own tables, but plain pixels of its default size in the place of rendered ones, are read,
stored, grouped into exams and loaded once, all in the ordinary way. Target: what that adds to the memory of
the process, beside the imports, is at most a tenth of the pixels. Counted is private memory: pages of the
store that are mapped belong to the system's file cache, which gives them up when memory is wanted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import numpy as np
from commands import scratch
from targets import Figure, show

from bcdl.assemble import build_data
from bcdl.configs import compose
from bcdl.data.readers import Phantom
from bcdl.imaging import AS_IT_IS, Display, Picture

PATIENTS, VIEWS = 25_000, 4
SHARE = 0.1  # of the pixels
INTERVAL = 0.05  # seconds between two looks at the memory


@dataclass(frozen=True)
class PlainPhantom(Phantom):
    """The phantom without its slow part: every view is an even grey."""

    def load(self, path: str, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
        """Return a view (H, W) whose grey level depends on its path, with one pixel of another."""
        pixels = np.full(self.size, sum(path.encode()) % 255, np.uint8)
        pixels[0, 0] = 255
        return Picture(pixels)


def main() -> None:
    with scratch(), watched() as peak:
        start = private_bytes()
        pixels = stored_and_loaded(PATIENTS)
        used = max(peak) - start
    size = f"{pixels / 1e9:.1f} GB of pixels"
    name = f"memory for {PATIENTS * VIEWS:,} views, {size}"
    show([Figure(name, used / 1e9, SHARE * pixels / 1e9, "GB")])


def stored_and_loaded(patients: int) -> int:
    """Make the store of a cohort, load every exam once, and return the bytes of all pixels."""
    cfg = compose("train", ["data=phantom", "data.unit=exam", f"data.reader.patients={patients}"])
    cfg.data.reader["_target_"] = f"{__name__}.PlainPhantom"
    data = build_data(cfg)
    data.setup()
    return sum(batch["image"].numel() for batch in data.predict_dataloader())


@contextmanager
def watched() -> Iterator[list[int]]:
    """Collect this process's private memory in bytes, again and again, while the `with` block runs."""
    seen: list[int] = []
    finished = Event()

    def look() -> None:
        while not finished.wait(INTERVAL):
            seen.append(private_bytes())

    thread = Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        finished.set()
        thread.join()


def private_bytes() -> int:
    """Return the anonymous resident memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kibibytes = next(line.split()[1] for line in lines if line.startswith("RssAnon"))
    return int(kibibytes) * 1024


if __name__ == "__main__":
    main()
