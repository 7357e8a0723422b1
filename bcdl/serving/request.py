"""A request as rows of the exam table: who, which exam, which side and view, and what is wrong with a row."""

from dataclasses import dataclass
from itertools import count

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
_EXAM = "1"  # the one exam of a sample that is named


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
        images = _keys(texts, days, unit).assign(
            exam_day=days, laterality=texts["laterality"], view=texts["view"]
        )
        named = bool(texts["sample"].notna().any())
        errors |= _repeated(images["image_id"]) if unit == "image" else _nameless(texts["sample"])
        errors |= _ambiguous(images) if unit in ("breast", "exam") and not named else {}
        return cls(images, errors, named)

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
    """Return dates as days, NaN where there is none; only their differences count.

    What is wrong with a date is said without quoting it: it may be a patient's.
    """
    stamps = pd.to_datetime(dates, errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)
    broken = np.flatnonzero(stamps.isna() & dates.notna()).tolist()
    reason = "exam_date: expected a date such as 2024-05-31, found a text that is none"
    return (stamps - _EPOCH) / pd.Timedelta(days=1), dict.fromkeys(broken, reason)


def _strangers(name: str, cells: pd.Series, words: tuple[str, ...]) -> dict[int, str]:
    strange = np.flatnonzero(cells.notna() & ~cells.isin(words)).tolist()
    return {row: f"{name}: expected one of {', '.join(words)}, found '{cells[row]}'" for row in strange}


def _repeated(image_id: pd.Series) -> dict[int, str]:
    rows = np.flatnonzero(image_id.duplicated()).tolist()
    return {row: f"sample: expected a name of its own, found '{image_id[row]}' a second time" for row in rows}


def _nameless(sample: pd.Series) -> dict[int, str]:
    """Return the rows that say nothing of the sample they belong to, where others do."""
    rows = np.flatnonzero(sample.isna()).tolist() if sample.notna().any() else []
    return dict.fromkeys(rows, "sample: expected a name in every row or in none, found none in this one")


def _ambiguous(images: pd.DataFrame) -> dict[int, str]:
    """Return the rows of exams with the name of another patient's: as of `a/b` and `c`, and `a` and `b/c`."""
    joined = images["patient_id"] + "/" + images["exam_id"]
    patients = images["patient_id"].groupby(joined).transform("nunique")
    reason = "patient_id, exam_id: joined by / they name an exam of another patient too; send ids without /"
    return dict.fromkeys(np.flatnonzero(patients > 1).tolist(), reason)


def _keys(texts: dict[str, pd.Series], days: pd.Series, unit: str) -> pd.DataFrame:
    """Name patients, exams and images; a `sample` stands for the patient, and at unit=image for the image."""
    sample, rows = texts["sample"], _named_by_row(texts["sample"])
    named = bool(sample.notna().any())
    patient = rows if named else _named_by_row(texts["patient_id"])
    one_exam = named and unit != "patient"
    exam = pd.Series(_EXAM, patient.index) if one_exam else _exams(patient, texts["exam_id"], days)
    image = rows if unit == "image" else pd.Series(map(str, patient.index), dtype="string")
    return pd.DataFrame({"patient_id": patient, "exam_id": exam, "image_id": image, "path": ""})


def _named_by_row(given: pd.Series) -> pd.Series:
    """Name what has no name after its row, by a name that is nobody else's."""
    taken, names = set(given.dropna()), given.copy()
    for row in np.flatnonzero(given.isna()).tolist():
        name = str(row)
        while name in taken:
            name = f"row {name}"
        names[row] = name
    return names


def _exams(patient: pd.Series, exam_id: pd.Series, days: pd.Series) -> pd.Series:
    """Name exams by their ids; those without one are numbered within a patient by day, an unknown day last.

    A number that is the id of another exam of the patient is passed over.
    """
    exams, dates = exam_id.copy(), np.floor(days).fillna(np.inf)
    for own in exam_id.groupby(patient, sort=False).groups.values():
        given = exam_id[own]
        unnamed, taken = own[given.isna()], set(given.dropna())
        free = (number for number in map(str, count(1)) if number not in taken)
        numbers = dict(zip(sorted(set(dates[unnamed])), free, strict=False))
        exams[unnamed] = [numbers[date] for date in dates[unnamed]]
    return exams
