"""Labels of a user's CSV, joined to the DICOM files of `dicom_folder`."""

from pathlib import Path

import pandas as pd
import pytest

from bcdl.errors import UserError
from tests.data.readers.test_dicom_folder import dicom_folder


def labels_of(images: pd.DataFrame, column: str = "path") -> dict[str, int]:
    """Return the labels by path (or another column) of the images that have one."""
    labelled = images.dropna(subset="label")
    return dict(zip(labelled[column], labelled["label"], strict=True))


@pytest.mark.parametrize(
    ("sheet", "labels"),
    [
        ("path,label\nanna/first/LCC.dcm,malignant\n", {"anna/first/LCC.dcm": 1}),
        ("path,label\nanna\\first\\LCC.dcm,malignant\n./berta/only/LCC.dcm,0\n", {
            "anna/first/LCC.dcm": 1, "berta/only/LCC.dcm": 0,
        }),
        ("image_id,label\n1.2.3.2,benign\n", {"berta/only/LMLO.dcm": 0}),
        ("exam_id,laterality,view,label\n1.2.3,L,CC,malignant\n", {"berta/only/LCC.dcm": 1}),
        ("exam_id,laterality,label\nACC3,L,malignant\nACC3,R,benign\n", {
            "berta/only/LCC.dcm": 1, "berta/only/LMLO.dcm": 1,
            "berta/only/RCC.dcm": 0, "berta/only/RMLO.dcm": 0,
        }),
        ("patient_id,view,label\nB2,MLO,malignant\n", {"berta/only/LMLO.dcm": 1, "berta/only/RMLO.dcm": 1}),
        ("path,patient_id,label\nanna/first/LCC.dcm,nobody,malignant\n", {"anna/first/LCC.dcm": 1}),
    ],
)  # fmt: skip
def test_a_row_applies_to_the_images_of_its_key(sheet: str, labels: dict[str, int], tmp_path: Path) -> None:
    assert labels_of(dicom_folder(tmp_path, sheet).read().images) == labels


def test_a_patients_row_applies_to_all_her_images(tmp_path: Path) -> None:
    images = dicom_folder(tmp_path, "patient_id,label\nA1,malignant\nB2,benign\n").read().images
    assert images.groupby("patient_id")["label"].unique().map(list).to_dict() == {"A1": [1], "B2": [0]}


def test_a_patient_is_called_as_in_the_table(tmp_path: Path) -> None:
    reader = dicom_folder(tmp_path, "patient_id,label\nanna,malignant\n", patient_from="^([^/]+)/")
    assert set(labels_of(reader.read().images, "patient_id")) == {"anna"}


def test_values_and_meta_columns_are_taken_over_and_empty_cells_leave_the_headers(tmp_path: Path) -> None:
    sheet = (
        "patient_id,laterality,birads,density,age,split,machine,site,meta_ward\n"
        "A1,,4a,B,61,train,Model X,north,7\nB2,,,,,test,,,\n"
    )
    images = dicom_folder(tmp_path, sheet).read().images
    anna = images[images["patient_id"] == "A1"]
    columns = ["birads", "density", "age", "split", "machine", "site", "meta_ward"]
    assert anna[columns].drop_duplicates().to_numpy().tolist() == [
        ["4a", "B", 61, "train", "Model X", "north", "7"]
    ]
    berta = images[images["patient_id"] == "B2"]
    assert set(berta["split"]) == {"test"}
    assert berta[["birads", "density", "age", "machine", "site", "meta_ward"]].isna().all(axis=None)


def test_dates_and_other_keys_of_the_file_are_not_taken_over(tmp_path: Path) -> None:
    sheet = "path,patient_id,exam_id,exam_date,label\nanna/first/LCC.dcm,Anna,E1,2020-01-31,malignant\n"
    text = dicom_folder(tmp_path, sheet).read().images.to_csv()
    assert "Anna" not in text
    assert "E1" not in text
    assert "2020-01-31" not in text


def test_classes_are_those_of_the_arguments(tmp_path: Path) -> None:
    sheet = "patient_id,label\nA1,cancer\nB2,0\n"
    table = dicom_folder(tmp_path, sheet, classes=["none", "benign", "cancer"], positive="cancer").read()
    assert labels_of(table.images, "patient_id") == {"A1": 2, "B2": 0}
    assert table.positive_label == 2


def test_rows_and_images_without_each_other_are_counted_and_the_first_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sheet = "exam_id,laterality,label\nACC1,,benign\nnone,,benign\n,L,benign\nACC2,L,benign\n"
    dicom_folder(tmp_path, sheet).read()
    assert "2 of 4 rows apply to no image, the first is row 2" in caplog.text
    assert "no row applies to 6 of 12 images, the first is anna/second/RCC.dcm" in caplog.text


def test_rows_that_all_apply_give_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dicom_folder(tmp_path, "patient_id,label\nA1,malignant\nB2,benign\n").read()
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_equal_rows_may_be_repeated(tmp_path: Path) -> None:
    images = dicom_folder(tmp_path, "patient_id,label\nA1,malignant\nA1,malignant\n").read().images
    assert len(images) == 12
    assert labels_of(images, "patient_id") == {"A1": 1}


def test_rows_that_contradict_each_other_are_named_or_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sheet = "patient_id,label\nB2,benign\nA1,malignant\nA1,benign\n"
    message = (
        r"the rows 2, 3 with different values for anna/first/LCC.dcm, and so for 7 other.*on_bad_row=skip"
    )
    with pytest.raises(UserError, match=message):
        dicom_folder(tmp_path, sheet).read()
    images = dicom_folder(tmp_path, sheet, on_bad_row="skip").read().images
    assert labels_of(images, "patient_id") == {"B2": 0}
    assert "left out" in caplog.text


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("name,label\na,benign\n", r"expected one of the columns path, image_id, exam_id, patient_id"),
        ("patientid,label\na,benign\n", r"unknown column 'patientid'. Did you mean 'patient_id'"),
        ("patient_id,label\nA1,malign\n", r"label: expected one of benign, malignant .* 'malign' in row 1"),
        (
            "patient_id,laterality,label\nA1,Left,benign\n",
            r"laterality: expected one of L, R, NA, found 'Left'",
        ),
        ("patient_id,view,label\nA1,MLO2,benign\n", r"view: expected one of CC, .* found 'MLO2' in row 1"),
        ("patient_id,density\nA1,E\n", r"density: expected one of A, B, C, D, found 'E'"),
        ("patient_id,age\nA1,old\n", r"age: expected a number, found 'old'"),
    ],
)
def test_what_is_wrong_is_named(sheet: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        dicom_folder(tmp_path, sheet).read()


@pytest.mark.parametrize("row", ["A1,L,malign", "A1,Left,malignant"])
def test_wrong_rows_are_left_out_where_asked(row: str, tmp_path: Path) -> None:
    sheet = f"patient_id,laterality,label\n{row}\nB2,,malignant\n"
    images = dicom_folder(tmp_path, sheet, on_bad_row="skip").read().images
    assert labels_of(images, "patient_id") == {"B2": 1}
