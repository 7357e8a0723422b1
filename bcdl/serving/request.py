"""A request as rows of the exam table: who, which exam, which side and view, and what is wrong with a row."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bcdl.data.samples import group_samples
from bcdl.data.schema import LATERALITIES, VIEWS
from bcdl.data.table import complete_images
from bcdl.errors import UserError, nearest
from bcdl.serving.facts import Facts

COLUMNS = ("sample", "patient_id", "exam_id", "exam_date", "laterality", "view")  # beside image; all optional
_VOCABULARIES = {"laterality": LATERALITIES, "view": VIEWS}
_EPOCH = pd.Timestamp(0)
_EXAM = "1"  # the exam of images that name none


@dataclass(frozen=True)
class Request:
    """What is to be predicted.

    Attributes:
        images: rows of the exam table, one an image, `path` empty; side and view are null where not given.
        errors: what is wrong with each row, by position.
        named: whether samples are given by name, in `sample`.
    """

    images: pd.DataFrame
    errors: dict[int, str]
    named: bool

    @classmethod
    def of(cls, frame: pd.DataFrame, unit: str) -> "Request":
        """Read the columns beside `image`.

        Args:
            frame: what was sent, one row an image.
            unit: what a sample is.

        Raises:
            UserError: there is no row, no column `image`, or an unknown one.
        """
        _check_columns(frame)
        texts = {name: _text(frame, name) for name in COLUMNS}
        days, errors = _days(texts["exam_date"])
        for name, words in _VOCABULARIES.items():
            texts[name] = texts[name].str.upper()
            errors |= _strangers(name, texts[name], words)
        images = _keys(texts, unit).assign(exam_day=days, laterality=texts["laterality"], view=texts["view"])
        if unit == "image":
            errors |= _repeated(images["image_id"])
        return cls(images, errors, bool(texts["sample"].notna().any()))

    def grouped(self, images: pd.DataFrame, facts: Facts, *, whole: bool = False) -> pd.DataFrame:
        """Return the samples that rows of `images` make, as `bcdl.data.samples.group_samples` does.

        Args:
            images: the rows, or some of them, completed.
            facts: of the data that the model was trained on.
            whole: repeated views and older exams stay in.
        """
        unit = "exam" if self.named and facts.unit == "breast" else facts.unit
        extra, newest = ("all", None) if whole else (facts.on_extra_view, facts.newest_exams)
        samples = group_samples(images, unit, extra, newest)
        if self.named and unit == "exam":
            samples["sample_id"] = samples["patient_id"]
        return samples

    def completed(self, laterality: list[str], view: list[str]) -> pd.DataFrame:
        """Return the rows of the exam table with sides and views, `NA` where unknown."""
        return complete_images(self.images.assign(laterality=laterality, view=view))


def _check_columns(frame: pd.DataFrame) -> None:
    known = ("image", *COLUMNS)
    if "image" not in frame:
        found = ", ".join(map(str, frame)) or "none"
        raise UserError(f"expected a column image, the bytes of an image file, found {found}")
    if frame.empty:
        raise UserError("expected one image or more, found none; send a row an image")
    for name in frame:
        if name not in known:
            raise UserError(f"unknown column '{name}'.{nearest(str(name), known)} Known: {', '.join(known)}")


def _text(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a column as text, null where it is absent, empty or null."""
    if name not in frame:
        return pd.Series([None] * len(frame), dtype="string")
    cells = frame[name].reset_index(drop=True)
    return cells.astype("string").replace("", None)


def _days(dates: pd.Series) -> tuple[pd.Series, dict[int, str]]:
    """Return dates as days, NaN where there is none; only their differences count."""
    stamps = pd.to_datetime(dates, errors="coerce", format="ISO8601")
    broken = np.flatnonzero(stamps.isna() & dates.notna()).tolist()
    errors = {row: f"exam_date: expected a date such as 2024-05-31, found '{dates[row]}'" for row in broken}
    return (stamps - _EPOCH) / pd.Timedelta(days=1), errors


def _strangers(name: str, cells: pd.Series, words: tuple[str, ...]) -> dict[int, str]:
    strange = np.flatnonzero(cells.notna() & ~cells.isin(words)).tolist()
    return {row: f"{name}: expected one of {', '.join(words)}, found '{cells[row]}'" for row in strange}


def _repeated(image_id: pd.Series) -> dict[int, str]:
    rows = np.flatnonzero(image_id.duplicated()).tolist()
    return {row: f"sample: expected a name of its own, found '{image_id[row]}' a second time" for row in rows}


def _keys(texts: dict[str, pd.Series], unit: str) -> pd.DataFrame:
    """Name patients, exams and images; a `sample` stands for the patient, and at unit=image for the image."""
    rows = pd.Series([str(row) for row in range(len(texts["sample"]))], dtype="string")
    sample = texts["sample"]
    patient = sample.fillna(texts["patient_id"]).fillna(rows)
    exam = texts["exam_id"].fillna(texts["exam_date"]).fillna(_EXAM)
    if unit != "patient":
        exam = exam.where(sample.isna(), _EXAM)
    image = sample.fillna(rows) if unit == "image" else rows
    return pd.DataFrame({"patient_id": patient, "exam_id": exam, "image_id": image, "path": ""})
