"""A million images in the exam table: `python benchmarks/exam_table.py`. Linux only.

Read from Parquet as a prepared store holds it, validated, split by patient and grouped into exams, in a
process of its own. Targets: 20 seconds, and 2 GB with the imports.
"""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import numpy as np
import pandas as pd
from commands import load, scratch
from targets import Figure, show

SECONDS, GIGABYTES = 20.0, 2.0
PATIENTS, EXAMS = 125_000, 2  # of four views
IMAGES = PATIENTS * EXAMS * 4
FINDINGS = 100_000
CLASSES = ("benign", "malignant")


def main() -> None:
    with scratch() as folder:
        in_a_process(write, folder)
        steps, peak = in_a_process(measured, folder)
    for step, seconds in steps.items():
        print(f"{step}: {seconds:.1f} s")
    name = f"{IMAGES:,} images read, checked, split and grouped"
    show(
        [
            Figure(name, sum(steps.values()), SECONDS, "s"),
            Figure("peak resident memory of that process", peak, GIGABYTES, "GB"),
        ]
    )
    print(load())


def in_a_process(function: Callable[[Path], Any], folder: Path) -> Any:  # noqa: ANN401 - the function's own
    """Return what a function of the folder gives in a new process."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, folder).result()


def write(folder: Path) -> None:
    """Write the tables as `bcdl prepare` leaves them in a store."""
    from bcdl.data.segments import write_parquet
    from bcdl.data.table import complete_findings, complete_images

    images = complete_images(made_images(np.random.default_rng(0)))
    keys = pd.util.hash_pandas_object(images["image_id"], index=False).map("{:024x}".format)
    write_parquet(images.assign(key=keys), folder / "images.parquet")
    findings = pd.DataFrame(
        {"image_id": images["image_id"].iloc[:: IMAGES // FINDINGS], "kind": "mass", "label": 1, "x0": 10.0}
    )
    findings = findings.assign(finding_id=findings["image_id"], y0=20.0, x1=30.0, y1=40.0)
    write_parquet(complete_findings(findings), folder / "findings.parquet")


def made_images(rng: np.random.Generator) -> pd.DataFrame:
    """Return the images of a screening programme, with every column filled and no splits."""
    row = np.arange(IMAGES)
    exam, patient = row // 4, row // (4 * EXAMS)
    texts = {
        "patient_id": ("P{:07}", patient),
        "exam_id": ("E{:07}", exam),
        "image_id": ("I{:07}", row),
        "path": ("images/{:07}.dcm", row),
        "machine": ("machine {}", exam % 7),
        "site": ("site {}", patient % 5),
    }
    columns = {name: list(map(text.format, numbers.tolist())) for name, (text, numbers) in texts.items()}
    return pd.DataFrame(columns).assign(
        exam_day=365.0 * (exam % EXAMS),
        laterality=np.array(["L", "R"])[row // 2 % 2],
        view=np.array(["CC", "MLO"])[row % 2],
        pixel_spacing=0.07,
        label=(rng.random(PATIENTS) < 0.1).astype(np.int64)[patient],
        birads=np.array(list("12345"))[rng.integers(0, 5, len(row))],
        density=np.array(list("ABCD"))[rng.integers(0, 4, PATIENTS)][patient],
        age=rng.integers(40, 80, PATIENTS).astype(np.float64)[patient],
    )


def measured(folder: Path) -> tuple[dict[str, float], float]:
    """Return the seconds of every step, and the most resident memory of this process in GB."""
    from bcdl.data.samples import group_samples
    from bcdl.data.splits import make_splits
    from bcdl.data.table import ExamTable, validate_table

    start = time.perf_counter()
    images = pd.read_parquet(folder / "images.parquet").drop(columns="key")
    table = ExamTable(images, pd.read_parquet(folder / "findings.parquet"), CLASSES, CLASSES[1])
    loaded = time.perf_counter()
    table = validate_table(table, "the store")
    validated = time.perf_counter()
    images = make_splits(table.images, val_fraction=0.15, test_fraction=0.2, seed=0)
    split = time.perf_counter()
    samples = group_samples(images, "exam")
    grouped = time.perf_counter()
    if len(samples) != PATIENTS * EXAMS:
        raise RuntimeError(f"expected {PATIENTS * EXAMS} exams, found {len(samples)}")
    times = np.diff([start, loaded, validated, split, grouped]).tolist()
    peak = getrusage(RUSAGE_SELF).ru_maxrss * 1024 / 1e9  # Linux counts in KiB
    return dict(zip(("read", "check", "split", "group"), times, strict=True)), peak


if __name__ == "__main__":
    main()
