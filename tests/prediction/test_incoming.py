"""What is to be predicted is read without labels; what is no image is counted and left out."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from omegaconf import DictConfig, OmegaConf

from bcdl.errors import NoDataError
from bcdl.prediction.incoming import BAD_ROW, NO_DICOM_IMAGE, read_incoming
from bcdl.serving.facts import Facts
from bcdl.stats import Calibrator

FACTS = Facts(
    data_set="exams",
    classes=("benign", "malignant"),
    image_size=(32, 16),
    channels=1,
    dtype="uint8",
    imaging={},
    unit="image",
    newest_exams=None,
    on_extra_view="first",
    on_bad_image="skip",
    batch_size=4,
    positions=("laterality", "view"),
    threshold=0.5,
    calibrator=Calibrator(),
)


def how(**changed: object) -> DictConfig:
    return OmegaConf.create(
        {
            **{"root": None, "patient_from": "tag", "exam_from": "study", "on_bad_row": "skip"},
            **{"pseudonyms": False, "pseudonym_key": None},
            **changed,
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    patient = tmp_path / "new" / "p1"
    patient.mkdir(parents=True)
    for name in ("L_CC", "R_MLO"):
        cv2.imwrite(str(patient / f"{name}.png"), np.full((32, 16), 90, np.uint8))
    return tmp_path / "new"


def manifest(folder: Path, **columns: list[object]) -> Path:
    file = folder / "new.csv"
    pd.DataFrame({"path": ["p1/L_CC.png", "p1/R_MLO.png"], **columns}).to_csv(file, index=False)
    return file


def test_a_manifest_may_have_the_dates_of_exams(folder: Path, tmp_path: Path) -> None:
    file = manifest(folder, patient_id=["a", "a"], exam_date=["2024-05-01", "2025-05-01"])
    incoming = read_incoming(file, how(), FACTS, tmp_path / "out")
    assert incoming.images["exam_day"].tolist() == [0, 365]
    assert incoming.left_out == {}


def test_wrong_rows_are_left_out_and_counted(folder: Path, tmp_path: Path) -> None:
    file = manifest(folder, patient_id=["a", "b"], laterality=["L", "B"])
    incoming = read_incoming(file, how(), FACTS, tmp_path / "out")
    assert incoming.images["patient_id"].tolist() == ["a"]
    assert incoming.left_out == {BAD_ROW: 1}


def test_a_directory_of_a_disc_beside_images_is_counted(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    _write_directory(folder / "DICOMDIR")
    incoming = read_incoming(folder, how(), FACTS, tmp_path / "out")
    assert incoming.images["view"].tolist() == ["CC", "MLO"]
    assert incoming.left_out == {NO_DICOM_IMAGE: 1}
    for image in folder.rglob("*.png"):
        image.unlink()
    with pytest.raises(NoDataError, match="found 1 other DICOM objects"):
        read_incoming(folder, how(), FACTS, tmp_path / "out")


def test_exams_without_dates_are_told_where_their_order_counts(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = manifest(folder, patient_id=["a", "a"], exam_id=["one", "two"])
    read_incoming(file, how(), FACTS, tmp_path / "out")
    assert "have no date" not in caplog.text
    patients = Facts(**{**vars(FACTS), "unit": "patient"})
    read_incoming(file, how(), patients, tmp_path / "out")
    assert "the exams of 1 patients have no date" in caplog.text


def _write_directory(file: Path) -> None:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(file), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.FileSetID = "DISC"
    dataset.save_as(file)
