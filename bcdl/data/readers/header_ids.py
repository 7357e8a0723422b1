"""Which patient, exam and image a DICOM file is, by its header or by where it lies.

The frames here hold the values of `bcdl.data.readers.dicom_scan.Header`, one row an image.
"""

import logging
import re
from pathlib import Path, PurePosixPath

import pandas as pd

from bcdl.data.naming import named
from bcdl.data.schema import TEXT
from bcdl.errors import UserError

_LOG = logging.getLogger(__name__)
EXAM_FROM = ("study", "day", "folder")
_EXAM_IMAGES = 8  # a folder of more is taken for one of many exams


def patient_rule(patient_from: str) -> re.Pattern[str] | None:
    """Return the expression that finds the patient in a path, None for the tag.

    Raises:
        UserError: The rule is neither `tag` nor `folder` nor a regular expression with a group.
    """
    if patient_from == "tag":
        return None
    expected = "expected data.patient_from of tag, folder, or a regular expression with a group"
    try:
        rule = re.compile(r"^(.+)/[^/]+$" if patient_from == "folder" else patient_from)
    except re.error as error:
        raise UserError(f"{expected}, found '{patient_from}' ({error})") from error
    if not rule.groups:
        raise UserError(f"{expected} such as '^([^/]+)/', found '{patient_from}' without one")
    return rule


def patient_ids(frame: pd.DataFrame, patient_from: str, root: Path, on_bad_row: str) -> pd.DataFrame:
    """Add `patient_id`; images without one are refused, or left out.

    Raises:
        UserError: An image has none and is not to be skipped, or none has one.
    """
    rule = patient_rule(patient_from)
    found = frame["patient"] if rule is None else frame["path"].map(lambda path: _group(rule, path))
    patients = found.astype(TEXT)
    missing = patients.isna()
    if missing.any():
        what = "a PatientID in every header" if rule is None else f"a match of {patient_from} in every path"
        what = "every file in a patient's folder" if patient_from == "folder" else what
        message = (
            f"{root}: expected {what}, found none for {missing.sum()} of {len(frame)} images, the first: "
            f"{named('file', frame['path'][missing].iloc[0])}"
        )
        if on_bad_row == "error" or missing.all():
            raise UserError(
                f"{message}; correct data.patient_from, or set data.on_bad_row=skip to leave them out"
            )
        _LOG.warning("%s: these are left out", message)
    return frame.assign(patient_id=patients)[~missing].reset_index(drop=True)


def _group(rule: re.Pattern[str], path: str) -> str | None:
    match = rule.search(path)
    return (match[1] or None) if match else None


def exam_ids(frame: pd.DataFrame, exam_from: str) -> pd.Series:
    """Return exams by the rule `exam_from`, and where it says nothing by those after it in `EXAM_FROM`.

    Args:
        frame: With `patient_id` and `exam_day` besides the headers' values.
        exam_from: One of `EXAM_FROM`.
    """
    ids = {
        "study": frame["study_uid"].astype(TEXT),
        "day": frame["patient_id"] + "/day" + frame["exam_day"].astype("Int64").astype(TEXT),
        "folder": _folders(frame),
    }
    first, *others = [ids[rule] for rule in EXAM_FROM[EXAM_FROM.index(exam_from) :]]
    for other in others:
        first = first.fillna(other)
    return first


def image_ids(frame: pd.DataFrame) -> pd.Series:
    """Return each image's SOPInstanceUID, or its path where that is missing or stands in several files."""
    uids = frame["image_uid"].astype(TEXT)
    return uids.mask(uids.isna() | uids.duplicated(keep=False), frame["path"].astype(TEXT))


def warn_of_scattered_patients(frame: pd.DataFrame, root: Path) -> None:
    """Warn where PatientIDs look as if they named images, or exports, instead of patients."""
    reasons = [_several(frame, frame["study_uid"], "exams (StudyInstanceUID)")]
    folders = _folders(frame)
    small = folders.map(folders.value_counts()) <= _EXAM_IMAGES
    if folders.nunique() > 1:
        reasons.append(_several(frame[small], folders[small], "folders"))
    if len(frame) > 1 and frame["patient_id"].is_unique:
        reasons.append("every patient has one image")
    if any(reasons):
        _LOG.warning(
            "%s: PatientID may not name patients: %s. Images of one woman would then count as those of "
            "several, or of several as one's; set data.patient_from=folder, or to a regular expression that "
            "finds the patient in a path",
            *(root, "; ".join(filter(None, reasons))),
        )


def warn_of_single_images(frame: pd.DataFrame, root: Path) -> None:
    """Warn where every exam has one image though patients have more: breasts and exams then have one view."""
    exams = frame.groupby(["patient_id", "exam_id"]).ngroups
    if exams == len(frame) > frame["patient_id"].nunique():
        _LOG.warning(
            "%s: every exam has one image by its StudyInstanceUID, though patients have several; if they are "
            "views of one exam, set data.exam_from=day, or folder",
            root,
        )


def _several(frame: pd.DataFrame, groups: pd.Series, what: str) -> str:
    """Say how many groups hold images of several patients; nothing where none does."""
    patients = frame["patient_id"].groupby(groups).nunique()
    several = patients[patients > 1].index
    if several.empty:
        return ""
    file = named("file", frame["path"][groups == several[0]].iloc[0])
    return f"{len(several)} of {len(patients)} {what} hold several PatientIDs, such as that of {file}"


def _folders(frame: pd.DataFrame) -> pd.Series:
    return frame["path"].map(lambda path: PurePosixPath(path).parent.as_posix()).astype(TEXT)
