"""What the headers of a folder of DICOM files say, as far as the exam table asks for it.

Only the values that `Header` names are taken; names, stations, institutions and all else stay in the files.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pydicom import Dataset
from pydicom.uid import UID

from bcdl.imaging.dicom import read_header
from bcdl.imaging.errors import ImageError
from bcdl.imaging.grey import number
from bcdl.imaging.positioning import laterality, view

_THREADS = 8
_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}
_OLDEST = 130
_MALFORMED = (AttributeError, LookupError, OverflowError, TypeError, ValueError)


@dataclass(frozen=True)
class Header:
    """The values of one image; what a header does not say, or says in another form, is None.

    Attributes:
        path: The file, relative to the folder.
        image_uid: SOPInstanceUID.
        study_uid: StudyInstanceUID.
        accession: AccessionNumber, to join labels by; no column of the exam table.
        patient: PatientID.
        study_date: StudyDate, for the days between exams; no column of the exam table.
        laterality: L, R or NA.
        view: A view of the exam table's vocabulary.
        age: Whole years, from PatientAge, or from PatientBirthDate and StudyDate.
        machine: ManufacturerModelName.
        pixel_spacing: Millimetres, from PixelSpacing, or from ImagerPixelSpacing.
    """

    path: str
    image_uid: str | None
    study_uid: str | None
    accession: str | None
    patient: str | None
    study_date: date | None
    laterality: str
    view: str
    age: float | None
    machine: str | None
    pixel_spacing: float | None


@dataclass(frozen=True)
class Scan:
    """A folder's DICOM files.

    Attributes:
        images: The headers of images, by path.
        unreadable: Paths of DICOM files whose header cannot be read, with the reason.
        others: How many DICOM files are no images: reports, presentation states, directories.
        strangers: How many files are no DICOM files.
    """

    images: list[Header]
    unreadable: list[tuple[str, str]]
    others: int
    strangers: int


def scan(root: Path) -> Scan:
    """Read the headers of all files below a folder, whatever their suffix."""
    files = sorted(file for file in root.rglob("*") if file.is_file())
    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(lambda file: _found(file, root), files))
    return Scan(
        [each for each in found if isinstance(each, Header)],
        [(str(each.path), each.reason) for each in found if isinstance(each, ImageError)],
        found.count("other"),
        found.count("stranger"),
    )


def _found(file: Path, root: Path) -> Header | ImageError | str:
    path = file.relative_to(root).as_posix()
    try:
        with file.open("rb") as content:
            if content.read(132)[128:] != b"DICM":
                return "stranger"
        dataset = read_header(file)
        return _header(dataset, path) if _is_image(dataset) else "other"
    except ImageError as error:
        return ImageError(path, error.reason)
    except OSError as error:
        return ImageError(path, f"cannot read it ({error.strerror})")
    except _MALFORMED as error:
        return ImageError(path, f"expected a DICOM file, found a damaged header ({type(error).__name__})")


def _is_image(dataset: Dataset) -> bool:
    """Return whether an object is an image.

    Raises:
        ImageError: It is one, but its header ends too early.
    """
    uid = UID(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or "")
    has_size = "Rows" in dataset and "Columns" in dataset
    for_images = "Image Storage" in uid.name
    if not has_size and (for_images or not uid):
        raise ImageError("", "expected Rows and Columns, found a header without them: the file is truncated")
    return has_size and (for_images or uid.name == uid)  # those that the standard does not list may be either


def _header(dataset: Dataset, path: str) -> Header:
    study_date = _date(dataset, "StudyDate")
    return Header(
        path=path,
        image_uid=_text(dataset, "SOPInstanceUID"),
        study_uid=_text(dataset, "StudyInstanceUID"),
        accession=_text(dataset, "AccessionNumber"),
        patient=_text(dataset, "PatientID"),
        study_date=study_date,
        laterality=laterality(dataset).value,
        view=view(dataset).value,
        age=_age(dataset, study_date),
        machine=_text(dataset, "ManufacturerModelName"),
        pixel_spacing=next(_spacings(dataset), None),
    )


def _text(dataset: Dataset, tag: str) -> str | None:
    """Return a tag's one value without the spaces and zero bytes around it."""
    value = dataset.get(tag)
    return (value.strip(" \0") or None) if isinstance(value, str) else None


def _date(dataset: Dataset, tag: str) -> date | None:
    digits = (_text(dataset, tag) or "").replace(".", "")  # ACR-NEMA wrote 1999.12.31
    try:
        return datetime.strptime(digits[:8], "%Y%m%d").date()
    except ValueError:
        return None


def _age(dataset: Dataset, study_date: date | None) -> float | None:
    """Return whole years, as PatientAge has them: a birth date cannot be worked out from them."""
    years = None
    born = _date(dataset, "PatientBirthDate")
    if said := re.fullmatch(r"(\d{1,3})([DWMY])", _text(dataset, "PatientAge") or ""):
        years = int(said[1]) * _DAYS[said[2]] // _DAYS["Y"]
    elif born and study_date:
        before = (study_date.month, study_date.day) < (born.month, born.day)
        years = float(study_date.year - born.year - before)
    return years if years is not None and 0 <= years <= _OLDEST else None


def _spacings(dataset: Dataset) -> Iterator[float]:
    """Yield the distances of rows that a header gives, the better one first."""
    for tag in ("PixelSpacing", "ImagerPixelSpacing"):
        try:
            spacing = number(dataset, tag)
        except _MALFORMED:
            continue
        if spacing and spacing > 0:
            yield spacing
