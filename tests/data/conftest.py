"""Fixtures of the data layer: a reader whose exams exist in memory alone."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bcdl.data import ExamDataModule, ShuffledSampler
from bcdl.data.preparing import Preparation
from bcdl.data.source import ExamSource, Splitting
from bcdl.data.table import ExamTable, complete_findings, complete_images, validate_table
from bcdl.imaging import AS_IT_IS, Display, Imaging, Picture
from bcdl.transforms import Augment, ZScore

SPLITTING = ("val_fraction", "test_fraction", "split_seed", "on_patient_overlap", "folds", "fold")


@dataclass(frozen=True)
class MemoryReader:
    """Four-view exams a year apart; an image's pixels follow from its path."""

    patients: int = 20
    exams: int = 1
    size: tuple[int, int] = (12, 8)
    dtype: str = "uint8"
    classes: tuple[str, ...] = ("normal", "cancer")
    positive: str = "cancer"
    drop_every: int = 5
    unlabelled_every: int = 0
    split: str = "NA"
    name: str = "memory"

    def read(self) -> ExamTable:
        rows = [
            {
                "patient_id": f"p{patient:03}",
                "exam_id": f"p{patient:03}e{exam}",
                "exam_day": 365 * exam,
                "image_id": f"p{patient:03}e{exam}{side}{view}",
                "laterality": side,
                "view": view,
                "path": f"{patient}/{exam}/{side}{view}",
                "split": self.split,
                "label": None if self._unlabelled(patient) else int(patient % 4 == 0 and side == "L"),
            }
            for patient in range(self.patients)
            for exam in range(self.exams)
            for side in "LR"
            for view in ("CC", "MLO")
        ]
        kept = [row for number, row in enumerate(rows) if number % self.drop_every]  # some views are missing
        images = complete_images(pd.DataFrame(kept))
        return validate_table(
            ExamTable(images, complete_findings(None), self.classes, self.positive), self.name
        )

    def load(self, path: str, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
        generator = np.random.default_rng(zlib.crc32(path.encode()))
        return Picture(generator.integers(1, 200, self.size).astype(self.dtype))

    def load_mask(self, mask_path: str) -> NDArray[np.bool_]:
        return np.zeros(self.size, np.bool_)

    def state(self, path: str) -> str:
        return ""

    def unlisted(self, table: ExamTable) -> list[str]:
        return []

    def fingerprint(self) -> str:
        return repr(self)

    def _unlabelled(self, patient: int) -> bool:
        return self.unlabelled_every > 0 and patient % self.unlabelled_every == 1


@pytest.fixture
def memory_reader() -> type[MemoryReader]:
    return MemoryReader


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., ExamDataModule]:
    """Make a datamodule of a memory reader; its store is in `tmp_path`."""

    def make(reader: MemoryReader | None = None, **arguments: Any) -> ExamDataModule:
        choices = {
            "preprocess": ZScore(),
            "augment": Augment(),
            "sampler": ShuffledSampler,
            "unit": "exam",
            "batch_size": 4,
        }
        how = {name: arguments.pop(name) for name in SPLITTING if name in arguments}
        if "split_seed" in how:
            how["seed"] = how.pop("split_seed")
        preparation = Preparation(
            arguments.pop("imaging", Imaging()),
            arguments.pop("store", tmp_path / "store"),
            arguments.pop("on_bad_image", "error"),
        )
        source = ExamSource(
            reader or MemoryReader(),
            preparation,
            Splitting(**how),
            arguments.pop("drop_duplicates", "none"),
        )
        return ExamDataModule(source, **(choices | arguments))

    return make
