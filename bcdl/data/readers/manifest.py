"""Manifest: a user's own images, listed in a CSV or Parquet file with the exam table's columns."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.readers.annotations import days_since_first
from bcdl.data.readers.checked import checked_table
from bcdl.data.readers.folder import FolderReader, unlisted_files
from bcdl.data.readers.labels import with_labels
from bcdl.data.readers.sheet import read_sheet
from bcdl.data.samples import check_choice
from bcdl.data.schema import FINDING_COLUMNS, IMAGE_COLUMNS, TEXT
from bcdl.data.table import ExamTable, complete_findings
from bcdl.errors import NoDataError
from bcdl.imaging import AS_IT_IS, Display, Picture

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Manifest:
    """A data set of one's own.

    Source: the user's; its licence too.
    Format: one row an image. Required columns: `patient_id` and `path`. All others of the exam table
        (`bcdl.data.schema`) are optional: `exam_id` defaults to the patient, with the exam date where there
        is one; `image_id` to the path, with the frame where it is not 0; laterality, view and split to `NA`.
        Of columns that the exam table does not know, those called `meta_<name>` are carried along, and no
        others; one that looks like a misspelt column is an error. Images are PNG, JPEG, TIFF, PGM or NPY
        files of 8 or 16 bit, or DICOM files; `frame` is the page of a TIFF or the frame of a DICOM file.
    Classes: as the arguments say. `label` holds class names or their positions in `classes` (names win where
        both would do), or nothing for unlabelled images.
    Splits: the column `split`, or none ("NA").
    Findings: an optional second file of the findings table; required are `image_id` and `kind`. Masks are
        images too: whatever is not 0 lies inside.

    Args:
        path: The CSV or Parquet file.
        root: Folder that image and mask paths are relative to; `None` is the folder of `path`.
        findings: CSV or Parquet file of the findings.
        classes: Class names by label; of more than two, in order of rising severity.
        positive: The class that counts as positive.
        on_bad_row: `error`, or `skip` for rows that are wrong.

    Raises:
        UserError: A file or folder is missing.
    """

    path: Path
    root: Path | None = None
    findings: Path | None = None
    classes: tuple[str, ...] = ("benign", "malignant")
    positive: str = "malignant"
    on_bad_row: str = "error"
    name: str = field(default="manifest", init=False)

    def __post_init__(self) -> None:
        check_choice("data.on_bad_row", self.on_bad_row, ("error", "skip"))
        for key in ("path", "root", "findings"):  # strings, when they come from YAML
            value = getattr(self, key)
            object.__setattr__(self, key, None if value is None else Path(value))
        object.__setattr__(self, "classes", tuple(map(str, self.classes)))
        for key, file in (("path", self.path), ("findings", self.findings)):
            if file is not None and not file.is_file():
                raise NoDataError(f"manifest: expected a file, found none at {file}; correct data.{key}")
        if not self.folder.is_dir():
            raise NoDataError(f"manifest: expected a folder, found none at {self.folder}; correct data.root")

    @property
    def folder(self) -> Path:
        """The folder that paths are relative to."""
        return self.path.parent if self.root is None else self.root

    def read(self) -> ExamTable:
        """Return the rows of the manifest and of the findings file.

        Raises:
            UserError: A column is missing or misspelt, or a cell is wrong (with `on_bad_row=skip`: no row is
                right).
        """
        images = with_labels(self._images(), self.classes, self.path, self.on_bad_row)
        table = ExamTable(images, self._findings(), self.classes, self.positive)
        return checked_table(table, str(self.path), self.on_bad_row)

    def load(self, path: str, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
        """Decode an image; `frame` is the page of a TIFF or the frame of a DICOM file.

        Raises:
            ImageError: It is missing, outside the root, or cannot be decoded.
        """
        return self._files.load(path, frame, display)

    def load_mask(self, mask_path: str) -> NDArray[np.bool_]:
        """Decode a mask (H, W): True where the image is not 0.

        Raises:
            ImageError: It is missing, outside the root, or cannot be decoded.
        """
        return self._files.load_mask(mask_path)

    def state(self, path: str) -> str:
        """Return a text that changes whenever the file of an image does."""
        return self._files.state(path)

    def unlisted(self, table: ExamTable) -> list[str]:
        """Return the image files beside the listed ones that the manifest does not name.

        Args:
            table: What `read` gave.
        """
        return unlisted_files(self.folder, table)

    def fingerprint(self) -> str:
        """Return a hash of the folder's place."""
        return self._files.fingerprint()

    @property
    def _files(self) -> FolderReader:
        return FolderReader(self.folder, self.on_bad_row)

    def sheet(self) -> pd.DataFrame:
        """Return the rows of the file as they are written."""
        return read_sheet(self.path, (*IMAGE_COLUMNS, "exam_date"), ("patient_id", "path"))

    def _images(self) -> pd.DataFrame:
        images = self.sheet()
        images["path"] = images["path"].astype(TEXT)
        if "exam_id" not in images:
            images["exam_id"] = _joined(images["patient_id"], "/", _days(images))
        if "image_id" not in images:
            images["image_id"] = _joined(images["path"], "#", images.get("frame"))
        return _with_days(images)

    def _findings(self) -> pd.DataFrame:
        if self.findings is None:
            return complete_findings(None)
        findings = read_sheet(self.findings, FINDING_COLUMNS, ("image_id", "kind"))
        if "finding_id" not in findings:
            number = findings.groupby("image_id").cumcount().astype(TEXT)
            findings["finding_id"] = findings["image_id"].astype(TEXT) + "#" + number
        return with_labels(findings, self.classes, self.findings, self.on_bad_row)


def _days(images: pd.DataFrame) -> pd.Series | None:
    """Return what tells exams apart: dates without the time of day, which differs from image to image."""
    if "exam_date" in images:
        return images["exam_date"].astype(TEXT).str.split("[T ]").str[0]
    return "day" + images["exam_day"].astype(TEXT) if "exam_day" in images else None


def _with_days(images: pd.DataFrame) -> pd.DataFrame:
    """Replace exam dates by days from the patient's first exam; what is no date stays, to be refused."""
    if "exam_date" not in images:
        return images
    dates = pd.to_datetime(images["exam_date"], errors="coerce", format="ISO8601", utc=True)
    days = days_since_first(images["patient_id"], dates)
    strange = days.isna() & images["exam_date"].notna()
    return images.drop(columns="exam_date").assign(
        exam_day=days.astype(object).mask(strange, images["exam_date"])
    )


def _joined(first: pd.Series, mark: str, second: pd.Series | None) -> pd.Series:
    """Join two columns; where there is no second value, or it is 0, the first stands alone."""
    text = first.astype(TEXT)
    if second is None:
        return text
    alone = second.isna() | second.astype(str).isin(["0", "0.0"])
    return text.where(alone, text + mark + second.astype(TEXT))
