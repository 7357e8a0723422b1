"""CMMD: 5,202 digital mammograms of Chinese women, each breast in the table proven benign or malignant."""

from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import pandas as pd

from bcdl.data.readers.annotations import (
    days_since_first,
    read_annotations,
    require_columns,
    rows_of_known,
    stripped,
)
from bcdl.data.readers.checked import checked_table
from bcdl.data.readers.folder import FolderReader
from bcdl.data.readers.headers import header_position
from bcdl.data.readers.repeats import rows_once
from bcdl.data.table import ExamTable, complete_findings
from bcdl.errors import UserError
from bcdl.imaging import ImageError

_COLLECTION = "CMMD"
_TABLES = ("CMMD_clinicaldata_revision.xlsx", "CMMD_clinicaldata_revision.csv", "cmmd_raw_label.csv")
_LAYOUT = f"{' or '.join(_TABLES)} beside {_COLLECTION}/D1-0001/07-18-2010-…/…/1-1.dcm"
_COLUMNS = ("ID1", "LeftRight", "Age", "abnormality", "classification", "subtype")
_LABELS = {"Benign": 0, "Malignant": 1}
_CODES = {
    "LeftRight": ("L", "R"),
    "abnormality": ("mass", "calcification", "both"),
    "classification": tuple(_LABELS),
}
_FILES = "D*-*/*/*/*.dcm"
_BREAST = ["patient_id", "laterality"]


@dataclass(frozen=True)
class CMMD(FolderReader):
    """Digital mammograms, labels a breast, proven by biopsy.

    Source: The Cancer Imaging Archive, https://doi.org/10.7937/tcia.eqde-4b16.
    Licence: CC BY 4.0.
    Format: `CMMD_clinicaldata_revision.xlsx` (needs openpyxl) or the same table as
        `CMMD_clinicaldata_revision.csv` or `cmmd_raw_label.csv` in `root`, one row a breast. DICOM files
        `CMMD/<ID1>/<MM-DD-YYYY-n>/<series>/1-1.dcm`, 2294 x 1914, 8 bit; the folder `CMMD` may also be
        `root` itself. Side and view stand in their headers, which are read for the exam table.
    Counts: 1,872 breasts of 1,775 patients, 1,316 malignant and 556 benign; 5,202 images.
    Classes: `benign` (0), `malignant` (1, positive).
    Labels: the table's classification of the breast, proven by biopsy.
    Findings: none; whether a breast has a mass, calcifications or both stands in `meta_abnormality`.
    Splits: none.
    Quirks: Images of a patient's other breast have no label (`data.unlabelled`). A breast of the table
        without an image on disk is one row of unknown view, whose path is a pattern: so the table can be read
        and counted without any image. `meta_subtype` is given for malignant breasts alone: it gives the label
        away and is no input for a model. Exams are numbered by their folders' dates, then by the number
        behind them. Pixels are to be shown by the file's own window (SIGMOID).
    Paper: Cui et al., The Chinese Mammography Database (CMMD), The Cancer Imaging Archive (2021).
    """

    name: str = field(default="cmmd", init=False)
    classes: tuple[str, ...] = field(default=("benign", "malignant"), init=False)
    positive: str = field(default="malignant", init=False)

    def read(self) -> ExamTable:
        """Return one row an image, by patient and side; a breast without any is a row too.

        Raises:
            UserError: The table is missing, lacks a column, or has an unknown code or a breast twice; it is
                an Excel file, and there is no openpyxl; or there are images, and there is no pydicom.
        """
        file = _table_file(self.root)
        breasts = self._breasts(file)
        images = _files(self.root).merge(breasts.drop(columns="age"), how="outer", on=_BREAST)
        patients = images["patient_id"]
        images = images.assign(
            exam_id=images["exam_id"].fillna(patients + "/e0"),
            image_id=images["image_id"].fillna(patients + "/" + images["laterality"]),
            path=images["path"].fillna(f"{_COLLECTION}/" + patients + "/*/*/*.dcm"),
            age=patients.map(breasts.groupby("patient_id")["age"].first()),
        )
        table = ExamTable(images, complete_findings(None), self.classes, self.positive)
        return checked_table(table, str(file), self.on_bad_row)

    def _breasts(self, file: Path) -> pd.DataFrame:
        """Return the clinical table, one row a breast."""
        rows = _read_table(file)
        for column, codes in _CODES.items():
            rows = rows_of_known(rows, column, codes, file, self.on_bad_row)
        rows = rows_once(
            rows.assign(breast=rows["ID1"] + " " + rows["LeftRight"]), "breast", file, self.on_bad_row
        )
        columns = {
            "patient_id": rows["ID1"],
            "laterality": rows["LeftRight"],
            "label": rows["classification"].map(_LABELS),
            "age": rows["Age"],
            "meta_abnormality": rows["abnormality"],
            "meta_subtype": rows["subtype"],
        }
        return pd.DataFrame(columns)


def _table_file(root: Path) -> Path:
    present = (root / name for name in _TABLES if (root / name).is_file())
    return next(present, root / _TABLES[0])


def _read_table(file: Path) -> pd.DataFrame:
    if file.suffix == ".csv" or not file.is_file():
        return read_annotations(file, _COLUMNS, _LAYOUT)
    try:
        frame = stripped(pd.read_excel(file, dtype=str, engine="openpyxl"))
    except ImportError as error:
        raise UserError(
            f"{file}: Excel files need openpyxl, found none: pip install 'bcdl[excel]' (or save its sheet "
            f"as {_TABLES[1]} and take the Excel file away)"
        ) from error
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise UserError(f"{file}: expected an Excel file, cannot read it ({error}); fetch it anew") from error
    require_columns(frame, _COLUMNS, file)
    return frame


def _files(root: Path) -> pd.DataFrame:
    """Return the images on disk with what their folders and headers say, by patient, exam and path."""
    place = root / _COLLECTION if (root / _COLLECTION).is_dir() else root
    files = sorted(file for file in place.glob(_FILES) if not file.name.startswith("."))
    if not files:
        return pd.DataFrame(columns=["patient_id", "laterality", "exam_id", "image_id", "path"])
    positions = [_position(file) for file in files]
    columns = {
        "patient_id": [file.parts[-4] for file in files],
        "exam": [file.parts[-3] for file in files],
        "path": [file.relative_to(root).as_posix() for file in files],
        "laterality": [side for side, _ in positions],
        "view": [view for _, view in positions],
    }
    return _with_exams(pd.DataFrame(columns))


def _position(file: Path) -> tuple[str, str]:
    """Return side and view of an image; what is wrong with a damaged one is told when it is decoded."""
    try:
        return header_position(file)
    except ImageError:
        return "NA", "NA"


def _with_exams(files: pd.DataFrame) -> pd.DataFrame:
    """Number the exams of every patient by date, then by the number behind it, and the images of every exam.

    The names of the exams' folders hold dates: they are left out.
    """
    dates = files["exam"].str.extract(r"^(\d\d-\d\d-\d{4})", expand=False)
    files = files.assign(
        date=pd.to_datetime(dates, format="%m-%d-%Y", errors="coerce"),
        tie=pd.to_numeric(files["exam"].str.extract(r"-(\d+)$", expand=False)),
    ).sort_values(["patient_id", "date", "tie", "exam", "path"])
    numbers = files.groupby("patient_id")["exam"].transform(lambda exams: pd.factorize(exams)[0])
    exams = files["patient_id"] + "/e" + numbers.astype(str)
    images = exams + "/" + files.groupby(exams).cumcount().astype(str)
    days = days_since_first(files["patient_id"], files["date"])
    return files.drop(columns=["exam", "date", "tie"]).assign(exam_id=exams, image_id=images, exam_day=days)
