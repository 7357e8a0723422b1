"""500 DICOM files that say `PLANTED-...` wherever a file can name a patient, among them damaged ones."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import UID

from tests.data.readers.dicom_files import write_dicom

MARK = "PLANTED"
UID_ROOT = "1.2.826.0.1.3680043.10.777"
VIEWS = (("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO"))
FILES = 500
SIZE = (96, 64)
BURNT = (38, 6, 46, 14)  # x0, y0, x1, y1 in a left view: beside the breast, inside the box around it
_TEXTS = (
    *("PatientName", "PatientID", "AccessionNumber", "InstitutionName", "InstitutionAddress", "StudyID"),
    *("ReferringPhysicianName", "StationName", "DeviceSerialNumber", "PatientComments", "ImageComments"),
    *("OtherPatientIDs", "PatientAddress", "OperatorsName", "SeriesDescription", "PerformedStationName"),
)
_BY_PATIENT = ("PatientName", "PatientID", "AccessionNumber")


@dataclass(frozen=True)
class Planted:
    """Where the files lie, and what is marked.

    Attributes:
        root: Folder of the DICOM files; its own name is not marked.
        labels: CSV of labels, joined by path.
        manifest: CSV for `data=manifest` over the same files, with marked cells and four bad rows.
        patients: The PatientIDs.
        dates: Dates of birth and of exams, as they stand in the files and as the manifest has them.
    """

    root: Path
    labels: Path
    manifest: Path
    patients: tuple[str, ...]
    dates: tuple[str, ...]


def plant(folder: Path) -> Planted:
    """Make the files, and both tables beside them."""
    with pytest.MonkeyPatch.context() as patch:  # marked texts are longer than some tags should hold
        patch.setattr(config.settings, "_writing_validation_mode", config.IGNORE)
        patch.setattr(config.settings, "reading_validation_mode", config.IGNORE)
        rows = pd.DataFrame([_file(folder / "images", number) for number in range(FILES)])
    for number, spoil in _SPOILT.items():
        file = folder / "images" / rows["path"][number]
        file.write_bytes(spoil(file.read_bytes()))
    rows[["path", "label"]].drop(index=499).to_csv(folder / "labels.csv", index=False)
    listed = rows.astype(object)
    listed.loc[100, "laterality"] = f"{MARK}-side"
    listed.loc[101, "label"] = f"{MARK}-label"
    listed.loc[102, "exam_date"] = f"{MARK}-date"
    listed.loc[103, "path"] = f"../{MARK}-outside.dcm"
    listed.to_csv(folder / "manifest.csv", index=False)
    days = [*rows["exam_date"], *map(str, map(_born, range(FILES // 4)))]
    return Planted(
        root=folder / "images",
        labels=folder / "labels.csv",
        manifest=folder / "manifest.csv",
        patients=tuple(rows["patient_id"].unique()),
        dates=tuple(sorted({text for day in days for text in (day, day.replace("-", ""))})),
    )


def _file(root: Path, number: int) -> dict[str, str]:
    """Write a file; return its row of the manifest."""
    patient, (side, view) = number // 4, VIEWS[number % 4]
    path = f"{MARK}-folder-{patient}/{MARK}-file-{number}.dcm"
    texts = {tag: f"{MARK}-{patient if tag in _BY_PATIENT else number}-{tag}" for tag in _TEXTS}
    examined = date(2017, 1, 1) + timedelta(days=7 * patient)
    malignant = patient % 3 == 0
    private = Dataset()
    private.add_new(0x00990010, "LO", f"{MARK}-creator")
    private.add_new(0x00991001, "LO", f"{MARK}-private-{number}")
    file = write_dicom(
        root / path,
        pixels(number, malignant),
        **{**texts, "ImageLaterality": side, "ViewPosition": view},
        StudyInstanceUID=UID(f"{UID_ROOT}.1.{patient}"),
        SeriesInstanceUID=UID(f"{UID_ROOT}.2.{number}"),
        SOPInstanceUID=UID(f"{UID_ROOT}.3.{number}"),
        PatientBirthDate=_born(patient).strftime("%Y%m%d"),
        StudyDate=examined.strftime("%Y%m%d"),
        PresentationIntentType="FOR PROCESSING" if number == 6 else "FOR PRESENTATION",
        BreastImplantPresent="YES" if number == 7 else "NO",
        ManufacturerModelName="Model",
        BitsStored=12,
        HighBit=11,
        WindowCenter="2048",
        WindowWidth="12345678" if number in (10, 11) else "4096",
        RequestAttributesSequence=[private],
        **{"Modality": f"{MARK}-M"} if number == 8 else {},
    )
    return {
        "patient_id": texts["PatientID"],
        "exam_date": str(examined),
        "laterality": side,
        "view": view,
        "path": file.relative_to(root).as_posix(),
        "label": "malignant" if malignant else "benign",
        "PatientName": texts["PatientName"],
    }


def _born(patient: int) -> date:
    return date(1921, 3, 5) + timedelta(days=101 * patient)


def pixels(number: int, malignant: bool) -> NDArray[np.uint16]:
    """Return a breast (H, W) of 12 bit at one side, and beside it a pattern as burnt-in text would be."""
    height, width = SIZE
    noise = cv2.GaussianBlur(np.random.default_rng(number).normal(size=SIZE), (0, 0), 3)
    down, across = np.mgrid[:height, :width]
    breast = ((down - height / 2) / (0.46 * height)) ** 2 + (across / (0.75 * width)) ** 2 < 1
    image = np.where(breast, 1800 + 4000 * noise, 0)
    image[40:52, 10:22] += 600 * malignant
    x0, y0, x1, y1 = BURNT
    image[y0:y1, x0:x1] = np.where((down + across)[y0:y1, x0:x1] % 2, 4095, 0)
    image = image if number % 4 < 2 else image[:, ::-1]
    return np.clip(image, 0, 4095).astype(np.uint16)


def _swapped(found: bytes, text: bytes) -> Callable[[bytes], bytes]:
    """Return what replaces the value of a tag by a marked one of as many bytes."""
    assert len(found) == len(text)
    return lambda content: content.replace(found, text)


def _without_pixels(content: bytes) -> bytes:
    return content[: content.index(b"\xe0\x7f\x10\x00")]


_SPOILT: dict[int, Callable[[bytes], bytes]] = {
    0: lambda content: content[:700],  # within the header
    1: lambda content: content[:-5000],
    2: _without_pixels,
    3: lambda content: f"{MARK}-text of no DICOM file".encode(),
    4: lambda content: b"",
    5: _swapped(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.77"),  # an unknown transfer syntax
    9: _swapped(b"MONOCHROME2 ", b"PLANTED-GREY"),
    10: _swapped(b"12345678", b"PLANTED-"),  # in place of a number
    12: _swapped(f"{UID_ROOT}.3.12".encode(), f"{UID_ROOT}.3.13".encode()),  # one id for two images
    16: _swapped(f"{MARK}-4-PatientID".encode(), b" " * 19),  # no PatientID
    20: _swapped(f"{UID_ROOT}.1.5".encode(), f"{UID_ROOT}.1.6".encode()),  # one exam of two patients
}
