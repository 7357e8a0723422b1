from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bcdl.data.readers.embed import EMBED
from bcdl.errors import UserError
from tests.data.readers.dicom_files import write_dicom

CLINICAL, METADATA = "EMBED_OpenData_clinical.csv", "EMBED_OpenData_metadata.csv"
PREFIX = "/mnt/NAS2/mammo/anon_dicom/cohort_1"
FINDINGS = [  # exam, assessment, side, side of the pathology, severity, density, age
    ("100", "S", "L", "L", "1.0", "3.0", "60.5"),
    ("100", "S", "L", "L", "4.0", "3.0", "60.5"),
    ("100", "N", "R", "", "", "3.0", "60.5"),
    ("101", "N", "", "", "", "5.0", ""),
    ("200", "B", "B", "R", "5.0", "1.0", "45.0"),
    ("201", "A", "R", "", "", "", ""),
    ("201", "M", "L", "L", "6.0", "", ""),
]
FILES = [  # patient, exam, day, kind, side, view, spot, boxes
    ("1", "100", "2013-05-01", "2D", "L", "CC", "", "((10, 2, 30, 12), (1, 2, 3, 4))"),
    ("1", "100", "2013-05-01", "2D", "R", "MLO", "", "()"),
    ("1", "100", "2013-05-01", "cview", "L", "CC", "", "((1, 1, 2, 2),)"),
    ("1", "101", "2014-05-01", "2D", "R", "XCCM", "", ""),
    ("2", "200", "2015-01-01", "2D", "L", "CC", "", "[]"),
    ("2", "200", "2015-01-02", "2D", "R", "ML", "1.0", "((5, 6, 7, 8))"),
    ("2", "201", "2015-03-01", "2D", "R", "CC", "", "()"),
    ("2", "201", "2015-03-01", "2D", "L", "CC", "", "()"),
    ("2", "202", "2016-01-01", "2D", "", "", "", "()"),
]


def embed(folder: Path, images: bool = True, **arguments: Any) -> EMBED:
    """Write five exams of two patients in the source's form: findings a row, files a row."""
    (folder / "tables").mkdir()
    clinical = ["acc_anon", "asses", "side", "bside", "path_severity", "tissueden", "age_at_study"]
    pd.DataFrame(FINDINGS, columns=clinical).to_csv(folder / "tables" / CLINICAL, index=False)
    columns = [
        *("empi_anon", "acc_anon", "study_date_anon", "FinalImageType", "ImageLateralityFinal"),
        *("ViewPosition", "spot_mag", "ROI_coords"),
    ]
    files = pd.DataFrame(FILES, columns=columns)
    names = [f"{row.empi_anon}/{row.acc_anon}/{number}.dcm" for number, row in enumerate(files.itertuples())]
    files = files.assign(anon_dicom_path=[f"{PREFIX}/{name}" for name in names], ManufacturerModelName="Dim")
    files.to_csv(folder / "tables" / METADATA, index=False)
    for name in names if images else []:
        pixels = np.arange(40 * 20, dtype=np.uint16).reshape(40, 20)
        write_dicom(folder / "images" / "cohort_1" / name, pixels)
    return EMBED(folder, **arguments)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_rows_are_the_2d_files_joined_by_exam_and_side(tmp_path: Path) -> None:
    images = embed(tmp_path).read().images
    assert images["exam_id"].tolist() == ["100", "100", "101", "200", "200", "201", "201", "202"]
    assert images["patient_id"].tolist() == ["1"] * 3 + ["2"] * 5
    assert images["laterality"].tolist() == ["L", "R", "R", "L", "R", "R", "L", "NA"]
    assert images["view"].tolist() == ["CC", "MLO", "OTHER", "CC", "ML", "CC", "CC", "NA"]
    assert images["birads"].fillna("").tolist() == ["4", "1", "1", "2", "2", "0", "5", ""]
    assert images["density"].fillna("").tolist() == ["C", "C", "", "A", "A", "", "", ""]
    assert images["age"].fillna(-1).tolist() == [60.5, 60.5, -1, 45, 45, -1, -1, -1]
    assert images["meta_spot_mag"].fillna("").tolist() == ["", "", "", "", "1", "", "", ""]
    assert set(images["meta_image_type"]) == {"2D"}
    assert set(images["machine"]) == {"Dim"}
    assert images["path"][0] == "images/cohort_1/1/100/0.dcm"
    assert set(images["split"]) == {"NA"}


def test_dates_become_days_from_the_first_exam_one_an_exam(tmp_path: Path) -> None:
    images = embed(tmp_path).read().images
    assert images["exam_day"].tolist() == [0, 0, 365, 0, 0, 59, 59, 365]
    assert "study_date_anon" not in images


def test_tables_without_what_is_optional_are_read(tmp_path: Path) -> None:
    reader = embed(tmp_path)
    for name, columns in (
        (METADATA, ["study_date_anon", "ManufacturerModelName"]),
        (CLINICAL, ["age_at_study"]),
    ):
        pd.read_csv(tmp_path / "tables" / name, dtype=str).drop(columns=columns).to_csv(
            tmp_path / name, index=False
        )
        (tmp_path / "tables" / name).unlink()
    (tmp_path / "tables").rmdir()
    images = reader.read().images
    assert images[["exam_day", "machine", "age"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("rule", "labels"),
    [
        ({}, [1, 0, 0, 0, 0, pd.NA, pd.NA, pd.NA]),
        ({"negatives_by_assessment": False}, [1, pd.NA, pd.NA, pd.NA, 0, pd.NA, pd.NA, pd.NA]),
        ({"malignant": [0], "benign": [4, 5]}, [pd.NA, 0, 0, 0, 0, pd.NA, pd.NA, pd.NA]),
        ({"malignant": [0, 1, 6], "benign": [4]}, [1, 0, 0, 0, pd.NA, pd.NA, 1, pd.NA]),
    ],
)
def test_the_worst_pathology_counts_and_then_the_assessment(
    rule: dict[str, Any], labels: list[Any], tmp_path: Path
) -> None:
    assert embed(tmp_path, **rule).read().images["label"].tolist() == labels


@pytest.mark.parametrize(("bside", "labels"), [("R", [pd.NA, 1]), ("", [1, 1])])
def test_pathology_of_a_finding_on_both_sides_goes_to_its_own_side_where_known(
    bside: str, labels: list[Any], tmp_path: Path
) -> None:
    reader = embed(tmp_path)
    change(tmp_path / "tables" / CLINICAL, "200,B,B,R,5.0", f"200,K,B,{bside},0.0")
    assert reader.read().images["label"][3:5].tolist() == labels


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"malignant": [7]}, r"data\.malignant to hold codes of 0, .*found '7'"),
        ({"benign": [1]}, "found 1 in both"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(rule: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        embed(tmp_path, **rule)


def test_boxes_are_read_as_y_x_y_x(tmp_path: Path) -> None:
    table = embed(tmp_path).read()
    boxes = table.findings[["x0", "y0", "x1", "y1"]].to_numpy().tolist()
    assert boxes == [[2, 10, 12, 30], [2, 1, 4, 3], [6, 5, 8, 7]]
    assert table.findings["image_id"].tolist() == table.images["image_id"][[0, 0, 4]].tolist()
    assert table.findings["finding_id"].is_unique
    assert set(table.findings["kind"]) == {"roi"}
    assert table.findings["label"].isna().all()


def test_exams_without_pathology_boxes_or_densities_are_read(tmp_path: Path) -> None:
    reader = embed(tmp_path)
    for name, kept in ((CLINICAL, ["acc_anon", "101"]), (METADATA, ["empi_anon", "1,101"])):
        lines = (tmp_path / "tables" / name).read_text().splitlines()
        text = "\n".join(line for line in lines if line.startswith(tuple(kept)))
        (tmp_path / "tables" / name).write_text(text)
    table = reader.read()
    assert table.images["label"].tolist() == [0]
    assert table.findings.empty


def test_other_kinds_of_images_are_taken_on_request(tmp_path: Path) -> None:
    images = embed(tmp_path, image_types=["2D", "cview"]).read().images
    assert images["meta_image_type"].value_counts().to_dict() == {"2D": 8, "cview": 1}
    with pytest.raises(UserError, match="expected images of FinalImageType 3D, found 2D, cview alone"):
        EMBED(tmp_path, image_types=["3D"]).read()


def test_images_that_are_not_there_keep_their_rows(tmp_path: Path) -> None:
    reader = embed(tmp_path, images=False)
    images = reader.read().images
    assert len(images) == 8
    assert reader.state(images["path"][0]) == "missing"


def test_images_are_decoded(tmp_path: Path) -> None:
    reader = embed(tmp_path)
    assert reader.load(reader.read().images["path"][7]).pixels.shape == (40, 20)


@pytest.mark.parametrize("name", [CLINICAL, METADATA])
def test_a_missing_table_is_named_with_the_layout(name: str, tmp_path: Path) -> None:
    reader = embed(tmp_path)
    (tmp_path / "tables" / name).unlink()
    with pytest.raises(UserError, match=rf"expected {name} in .*tables.*images/cohort_"):
        reader.read()


@pytest.mark.parametrize(("name", "column"), [(CLINICAL, "path_severity"), (METADATA, "ROI_coords")])
def test_a_missing_column_is_named(name: str, column: str, tmp_path: Path) -> None:
    reader = embed(tmp_path)
    change(tmp_path / "tables" / name, column, "other")
    with pytest.raises(UserError, match=f"{name}: expected a column '{column}'"):
        reader.read()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("100,N,R", "100,N,X", "side: expected one of L, R, B, found 'X' in row 3"),
        ("100,N,R", "100,X,R", "asses: expected one of N, .* found 'X' in row 3"),
        ("100,N,R,,", "100,N,R,X,", "bside: expected one of L, R, B, found 'X' in row 3"),
        ("100,N,R,,,3.0", "100,N,R,,9.0,3.0", "path_severity: expected one of 0, .* found '9' in row 3"),
        ("100,N,R,,,3.0", "100,N,R,,,9.0", "tissueden: expected one of 1, .* found '9' in row 3"),
    ],
)
def test_an_unknown_code_is_refused_or_leaves_its_exam_unlabelled(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    reader = embed(tmp_path)
    change(tmp_path / "tables" / CLINICAL, old, new)
    with pytest.raises(UserError, match=rf"{message}.*data\.on_bad_row=skip"):
        reader.read()
    images = EMBED(tmp_path, on_bad_row="skip").read().images
    assert images["label"].tolist() == [pd.NA, pd.NA, 0, 0, 0, pd.NA, pd.NA, pd.NA]


def test_an_unknown_side_of_an_image_is_refused_or_left_out(tmp_path: Path) -> None:
    reader = embed(tmp_path)
    change(tmp_path / "tables" / METADATA, "2D,R,MLO", "2D,B,MLO")
    with pytest.raises(UserError, match="ImageLateralityFinal: expected one of L, R, found 'B' in row 2"):
        reader.read()
    assert len(EMBED(tmp_path, on_bad_row="skip").read().images) == 7


@pytest.mark.parametrize("cell", ["((5, 6, 7))", "((5, 6, 7, 'x'),)", "exit()", "{1: 2}", "5", "((5, 6,"])
def test_boxes_that_are_none_are_refused_or_left_out(cell: str, tmp_path: Path) -> None:
    reader = embed(tmp_path)
    change(tmp_path / "tables" / METADATA, "((5, 6, 7, 8))", cell)
    with pytest.raises(UserError, match=r"ROI_coords: expected boxes such as .* in row 6 .*on_bad_row=skip"):
        reader.read()
    table = EMBED(tmp_path, on_bad_row="skip").read()
    assert len(table.findings) == 2
    assert len(table.images) == 8


def test_an_image_listed_twice_is_refused(tmp_path: Path) -> None:
    reader = embed(tmp_path)
    change(tmp_path / "tables" / METADATA, "1/100/1.dcm", "1/100/0.dcm")
    with pytest.raises(
        UserError, match=r"image_id: expected a value of its own, found 'cohort_1/1/100/0\.dcm'"
    ):
        reader.read()
