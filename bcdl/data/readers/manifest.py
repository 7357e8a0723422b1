"""Manifest: a user's own images, listed in a CSV or Parquet file with the exam table's columns."""

import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.readers.sheet import read_sheet
from bcdl.data.samples import check_choice
from bcdl.data.schema import FINDING_COLUMNS, IMAGE_COLUMNS, TEXT
from bcdl.data.table import ExamTable, complete_findings, keep_valid_rows, validate_table
from bcdl.errors import UserError, nearest
from bcdl.imaging import Pixels, read_image

_LOG = logging.getLogger(__name__)
_SKIP = "set data.on_bad_row=skip to leave such rows out (rows are counted from 1)"


@dataclass(frozen=True)
class Manifest:
    """A data set of one's own.

    Source: the user's; its licence too.
    Format: one row an image. Required columns: `patient_id` and `path`. All others of the exam table
        (`bcdl.data.schema`) are optional: `exam_id` defaults to the patient, with the exam date where there
        is one; `image_id` to the path, with the frame where it is not 0; laterality, view and split to `NA`.
        Columns that the exam table does not know are carried as `meta_<name>`, unless they look like a
        misspelt one. Images are PNG, JPEG, TIFF, PGM or NPY files of 8 or 16 bit, or DICOM files; `frame` is
        the page of a TIFF or the frame of a DICOM file.
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
        on_bad_row: `error`, or `skip` for rows that are wrong or whose image is missing.
        window: How a DICOM file's grey values become display values.

    Raises:
        UserError: A file or folder is missing.
    """

    path: Path
    root: Path | None = None
    findings: Path | None = None
    classes: tuple[str, ...] = ("benign", "malignant")
    positive: str = "malignant"
    on_bad_row: str = "error"
    window: str = "auto"
    name: str = field(default="manifest", init=False)

    def __post_init__(self) -> None:
        check_choice("data.on_bad_row", self.on_bad_row, ("error", "skip"))
        for key in ("path", "root", "findings"):  # strings, when they come from YAML
            value = getattr(self, key)
            object.__setattr__(self, key, None if value is None else Path(value))
        object.__setattr__(self, "classes", tuple(map(str, self.classes)))
        for key, file in (("path", self.path), ("findings", self.findings)):
            if file is not None and not file.is_file():
                raise UserError(f"manifest: expected a file, found none at {file}; correct data.{key}")
        if not self.folder.is_dir():
            raise UserError(f"manifest: expected a folder, found none at {self.folder}; correct data.root")

    @property
    def folder(self) -> Path:
        """The folder that paths are relative to."""
        return self.path.parent if self.root is None else self.root

    def read(self) -> ExamTable:
        """Return the rows of the manifest and of the findings file.

        Raises:
            UserError: A column is missing or misspelt, a cell is wrong, an image is missing (with
                `on_bad_row=skip`: no row is right), or a patient stands in two splits.
        """
        images = self._existing(self._coded(self._images(), self.path))
        table = ExamTable(images, self._findings(), self.classes, self.positive)
        if self.on_bad_row == "error":
            return validate_table(table, str(self.path))
        valid, issues = keep_valid_rows(table, str(self.path))
        if len(issues):
            listed = issues.assign(row=issues["row"] + 1).to_string(index=False)
            _LOG.warning("%s: left out %d rows:\n%s", self.path, issues["row"].nunique(), listed)
        return valid

    def load(self, path: str, frame: int = 0) -> Pixels:
        """Decode an image; `frame` is the page of a TIFF or the frame of a DICOM file.

        Raises:
            ImageError: It is missing or cannot be decoded.
        """
        return read_image(self.folder / path, frame, self.window)

    def load_mask(self, mask_path: str) -> NDArray[np.bool_]:
        """Decode a mask (H, W): True where the image is not 0.

        Raises:
            ImageError: It is missing or cannot be decoded.
        """
        mask = read_image(self.folder / mask_path).astype(np.bool_)
        return np.logical_or.reduce(mask, axis=2) if mask.ndim == 3 else mask

    def fingerprint(self) -> str:
        """Return a hash of every image's path, size and time of change."""
        digest = hashlib.sha256()
        for path in sorted(self._images()["path"].dropna().unique()):
            digest.update(f"{path} {_state(self.folder / path)}\n".encode())
        return digest.hexdigest()

    def _images(self) -> pd.DataFrame:
        images = read_sheet(self.path, IMAGE_COLUMNS, ("patient_id", "path"))
        images["path"] = images["path"].astype(TEXT)
        if "exam_id" not in images:
            images["exam_id"] = _joined(images["patient_id"], "/", _days(images.get("exam_date")))
        if "image_id" not in images:
            images["image_id"] = _joined(images["path"], "#", images.get("frame"))
        return images

    def _findings(self) -> pd.DataFrame:
        if self.findings is None:
            return complete_findings(None)
        findings = read_sheet(self.findings, FINDING_COLUMNS, ("image_id", "kind"))
        if "finding_id" not in findings:
            number = findings.groupby("image_id").cumcount().astype(TEXT)
            findings["finding_id"] = findings["image_id"].astype(TEXT) + "#" + number
        return self._coded(findings, self.findings)

    def _coded(self, frame: pd.DataFrame, source: Path) -> pd.DataFrame:
        """Replace class names by labels; without skipping, refuse others."""
        if "label" not in frame:
            return frame
        position = {name: label for label, name in enumerate(self.classes)}
        labels = frame["label"].astype(object).map(lambda cell: position.get(_name(cell), cell))
        strange = labels.notna() & ~pd.to_numeric(labels, errors="coerce").isin(range(len(self.classes)))
        if strange.any() and self.on_bad_row == "error":
            row = int(np.flatnonzero(strange)[0])
            found = str(labels[row])
            raise UserError(
                f"{source}: label: expected one of {', '.join(self.classes)} (or its position, from 0) or "
                f"nothing, found '{found}' in row {row + 1}.{nearest(found, self.classes)} Correct it or "
                f"data.classes, or {_SKIP}"
            )
        return frame.assign(label=labels)

    def _existing(self, images: pd.DataFrame) -> pd.DataFrame:
        """Refuse, or leave out, rows whose image is missing."""
        there = [isinstance(path, str) and (self.folder / path).is_file() for path in images["path"]]
        if all(there):
            return images
        missing, first = there.count(False), there.index(False)
        found = (
            f"{self.path}: expected an image at every path, found none for {missing} of {len(images)} rows"
        )
        place = f"the first: row {first + 1} ({self.folder / images['path'].fillna('')[first]})"
        if self.on_bad_row == "error" or not any(there):
            raise UserError(f"{found}, {place}; correct the paths or data.root, or {_SKIP}")
        _LOG.warning("%s: these are left out; %s", found, place)
        return images[there].reset_index(drop=True)


def _name(cell: object) -> str:
    """Return a cell as the name of a class; 2.0, as columns with gaps are exported, is 2."""
    text = str(cell)
    return text.removesuffix(".0") if text.removesuffix(".0").isdecimal() else text


def _days(dates: pd.Series | None) -> pd.Series | None:
    """Return dates without the time of day, which differs from image to image of an exam."""
    return None if dates is None else dates.astype(TEXT).str.split("[T ]").str[0]


def _joined(first: pd.Series, mark: str, second: pd.Series | None) -> pd.Series:
    """Join two columns; where there is no second value, or it is 0, the first stands alone."""
    text = first.astype(TEXT)
    if second is None:
        return text
    alone = second.isna() | second.astype(str).isin(["0", "0.0"])
    return text.where(alone, text + mark + second.astype(TEXT))


def _state(path: Path) -> str:
    """Return what changes when a file does."""
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"
