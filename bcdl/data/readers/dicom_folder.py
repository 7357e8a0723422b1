"""A folder of DICOM files: what the exam table needs comes from their headers, labels from a CSV."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bcdl.data.naming import named
from bcdl.data.readers.annotations import days_since_first
from bcdl.data.readers.checked import checked_table
from bcdl.data.readers.folder import FolderReader
from bcdl.data.readers.header_ids import (
    EXAM_FROM,
    exam_ids,
    image_ids,
    patient_ids,
    patient_rule,
    warn_of_scattered_patients,
    warn_of_single_images,
)
from bcdl.data.readers.label_sheet import join_labels, read_label_sheet
from bcdl.data.readers.labels import with_labels
from bcdl.data.samples import check_choice
from bcdl.data.table import ExamTable, complete_findings
from bcdl.errors import NoDataError, UserError
from bcdl.imaging import AS_IT_IS, Display, Picture

if TYPE_CHECKING:
    from bcdl.data.readers.dicom_scan import Header

_LOG = logging.getLogger(__name__)
_EXTRA = "DICOM needs pydicom and its codecs: pip install 'bcdl[dicom]'"
_SHOWN = 10


@dataclass(frozen=True)
class DICOMFolder(FolderReader):
    r"""One's own DICOM files, as they come from an archive or a scanner.

    Source: the user's; its licence too.
    Format: DICOM files below `root`, at any depth, with any suffix or none. Files that are no DICOM files,
        and DICOM files that are no images (DICOMDIR, reports, presentation states), are left out and counted
        in the log.
    Classes: as the arguments say; images without a label are unlabelled.
    Labels: the CSV `labels`. Its rows apply to images by the first of these columns that it has: `path`
        (relative to `root`), `image_id` (SOPInstanceUID), `exam_id` (StudyInstanceUID or AccessionNumber),
        `patient_id`; filled cells of `laterality` and `view` narrow a row to images whose header says the
        same. Values are `label` (a class name or its position in `classes`), `birads`, `density`, `age`,
        `split`, `machine` and `site`; of others those called `meta_<name>` are carried along.
    Headers: side and view by `bcdl.imaging.positioning`; `exam_day` from StudyDate; `age` from PatientAge, or
        PatientBirthDate and StudyDate; `machine` from ManufacturerModelName; `pixel_spacing` from
        PixelSpacing or ImagerPixelSpacing. Nothing else is taken: no name, date, station or institution.
    Findings: none.
    Splits: the column `split`, or none.
    Quirks: `image_id` is the SOPInstanceUID, or the path where that is missing or repeated. Some exports give
        each image a patient id of its own: a warning says so, and `patient_from` and `exam_from` help.

    Args:
        labels: The CSV or Parquet file of labels; `None` leaves all images unlabelled.
        patient_from: `tag` (PatientID), `folder` (the folder that a file lies in, with its path below `root`:
            of nested folders every innermost one is a patient), or a regular expression whose first group in
            a file's path relative to `root` is the patient: `^([^/]+)/` is the topmost folder.
        exam_from: `study` (StudyInstanceUID; where it is missing, as `day`), `day` (the patient and the day
            of StudyDate; where it is missing, as `folder`) or `folder` (the folder that a file lies in).
        classes: Class names by label; of more than two, in order of rising severity.
        positive: The class that counts as positive.

    Raises:
        UserError: A file or folder is missing, or a rule for patients or exams is unknown.
    """

    labels: Path | None = None
    patient_from: str = "tag"
    exam_from: str = "study"
    classes: tuple[str, ...] = ("benign", "malignant")
    positive: str = "malignant"
    name: str = field(default="dicom_folder", init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "labels", None if self.labels is None else Path(self.labels))
        object.__setattr__(self, "classes", tuple(map(str, self.classes)))
        check_choice("data.exam_from", self.exam_from, EXAM_FROM)
        patient_rule(self.patient_from)
        if self.labels is not None and not self.labels.is_file():
            raise NoDataError(
                f"expected the file of labels, found none at {self.labels}; correct data.labels"
            )

    def read(self) -> ExamTable:
        """Return one row an image, by path; reads every header once.

        Raises:
            UserError: There are no images, a header cannot be read, a patient is not named, or the file of
                labels is wrong (with `on_bad_row=skip`: no image is right).
        """
        images = self._labelled(self._identified(self._headers()))
        table = ExamTable(images, complete_findings(None), self.classes, self.positive)
        return checked_table(table, str(self.root), self.on_bad_row)

    def load(self, path: str, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
        """Decode an image, whatever its file's suffix.

        Raises:
            ImageError: It is missing, outside the root, or cannot be decoded.
        """
        try:
            from bcdl.imaging.dicom import read_dicom
        except ModuleNotFoundError as error:
            raise UserError(_EXTRA) from error
        return read_dicom(self.file(path), frame, display)

    def _headers(self) -> "list[Header]":
        """Return the headers of images; at least one."""
        try:
            from bcdl.data.readers.dicom_scan import scan
        except ModuleNotFoundError as error:
            raise UserError(_EXTRA) from error
        found = scan(self.root)
        left_out = {"DICOM objects without an image": found.others, "files of other kinds": found.strangers}
        told = " and ".join(f"{count} {what}" for what, count in left_out.items() if count)
        if told:
            _LOG.info("%s: left out %s", self.root, told)
        self._refuse_unreadable(found.unreadable)
        if not found.images:
            raise NoDataError(
                f"{self.root}: expected DICOM images, found {found.others} other DICOM objects and "
                f"{found.strangers} files that are no DICOM files; correct data.root"
            )
        return found.images

    def _identified(self, headers: "list[Header]") -> pd.DataFrame:
        """Return the values of headers, one row an image, with the ids of the exam table."""
        frame = patient_ids(pd.DataFrame(headers), self.patient_from, self.root, self.on_bad_row)
        dates = frame["study_date"].map(str, na_action="ignore")
        frame["exam_day"] = days_since_first(frame["patient_id"], dates)
        frame = frame.assign(exam_id=exam_ids(frame, self.exam_from), image_id=image_ids(frame))
        if self.patient_from == "tag":
            warn_of_scattered_patients(frame, self.root)
        if self.exam_from == "study":
            warn_of_single_images(frame, self.root)
        return frame

    def _refuse_unreadable(self, unreadable: list[tuple[str, str]]) -> None:
        if not unreadable:
            return
        listed = "; ".join(f"{named('file', path)}: {reason}" for path, reason in unreadable[:_SHOWN])
        more = f"; and {len(unreadable) - _SHOWN} more" if len(unreadable) > _SHOWN else ""
        message = f"{self.root}: cannot read the headers of {len(unreadable)} DICOM files: {listed}{more}"
        if self.on_bad_row == "error":
            raise UserError(
                f"{message}. Replace them, take them away, or set data.on_bad_row=skip to leave them out"
            )
        _LOG.warning("%s. These are left out", message)

    def _labelled(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of the exam table, with the values of the labels file."""
        images = frame.drop(columns=["image_uid", "study_uid", "accession", "patient", "study_date"])
        if self.labels is None:
            return images
        sheet = read_label_sheet(self.labels, self.on_bad_row)
        sheet = with_labels(sheet, self.classes, self.labels, self.on_bad_row)
        return join_labels(images, _names(frame), sheet, self.labels, self.on_bad_row)


def _names(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what the rows of a labels file may call an image."""
    sources = {
        "path": ("path",),
        "image_id": ("image_uid", "image_id"),
        "exam_id": ("study_uid", "accession", "exam_id"),
        "patient_id": ("patient_id",),
    }
    return pd.concat(
        [
            pd.DataFrame({"row": frame.index, "key": key, "name": frame[column].astype(object)})
            for key, columns in sources.items()
            for column in columns
        ],
        ignore_index=True,
    )
