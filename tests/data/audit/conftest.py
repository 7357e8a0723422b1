"""Fixtures of the audit: tables made by hand, and a clean phantom with its pixels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bcdl.data.readers import Phantom
from bcdl.data.table import ExamTable, complete_images

PATIENTS = 60


def _table(classes: tuple[str, ...] = ("benign", "malignant"), **columns: Any) -> ExamTable:
    """A table with one image a patient, unless the columns say otherwise; scalars fill a column."""
    count = max(len(cells) for cells in columns.values() if not isinstance(cells, str | int))
    numbers = [str(number) for number in range(count)]
    named = {"patient_id": numbers, "exam_id": "e", "image_id": numbers, "path": numbers} | columns
    frame = pd.DataFrame(named, index=range(count))
    extra = [name for name in frame if str(name).startswith("meta_")]
    images = complete_images(frame.drop(columns=extra)).join(frame[extra])
    return ExamTable(images, pd.DataFrame(), classes, classes[-1])


@pytest.fixture(scope="session")
def make_table() -> Callable[..., ExamTable]:
    return _table


@pytest.fixture(scope="session")
def phantom_table() -> ExamTable:
    """60 patients, each wholly in train, val or test."""
    table = Phantom(patients=PATIENTS).read()
    patient = pd.factorize(table.images["patient_id"])[0]
    split = np.array(["train", "train", "val", "test", "train"])[patient % 5]
    return ExamTable(table.images.assign(split=split), table.findings, table.classes, table.positive)


@pytest.fixture(scope="session")
def phantom_pixels(phantom_table: ExamTable) -> NDArray[np.uint8]:
    """(240, 256, 128, 1); a test that changes pixels copies them first."""
    phantom = Phantom(patients=PATIENTS)
    pixels = np.stack([phantom.load(path).pixels for path in phantom_table.images["path"]])[..., None]
    pixels.flags.writeable = False
    return pixels
