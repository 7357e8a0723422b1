from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bcdl.data.readers.csaw_cc import CSAWCC
from bcdl.errors import UserError
from tests.data.readers.dicom_files import write_dicom

TABLE = "CSAW-CC_breast_cancer_screening_data.csv"
HEADER = (
    "anon_patientid,exam_year,x_case,x_cancer_laterality,x_type,rad_timing,imagelaterality,viewposition,"
    "libra_breastarea,libra_densearea,libra_percentdensity,anon_filename"
)
ROWS = [
    "2,2010,0,,,,Left,CC,100.5,20.1,20.0,00002_20990909_L_CC_1.dcm",
    "4,2009,1,Left,2.0,3.0,Left,MLO,90.0,9.0,10.0,00004_20990909_L_MLO_1.dcm",
    "4,2011,1,Left,2.0,1.0,Left,CC,90.0,9.0,10.5,00004_20990909_L_CC_2.dcm",
    "4,2011,1,Left,2.0,1.0,Right,CC,90.0,9.0,11.0,00004_20990909_R_CC_2.dcm",
    "7,2012,1,Right,1.0,2.0,Right,MLO,90.0,9.0,,00007_20990909_R_MLO_1.dcm",
    "9,2012,1,,,1.0,Right,CC,90.0,9.0,30.0,00009_20990909_R_CC_1.dcm",
]


def csaw_cc(folder: Path, images: bool = True, **arguments: Any) -> CSAWCC:
    """Write a control and three cases in the source's form: cancers by screening, interval, side unknown."""
    (folder / TABLE).write_text("\n".join([HEADER, *ROWS]) + "\n")
    for row in ROWS if images else []:
        write_dicom(folder / row.split(",")[-1], np.arange(96, dtype=np.uint16).reshape(12, 8))
    return CSAWCC(folder, **arguments)


def change(folder: Path, old: str, new: str) -> None:
    text = (folder / TABLE).read_text()
    assert old in text
    (folder / TABLE).write_text(text.replace(old, new, 1))


def test_rows_are_those_of_the_table(tmp_path: Path) -> None:
    table = csaw_cc(tmp_path).read()
    images = table.images
    assert images["patient_id"].tolist() == ["2", "4", "4", "4", "7", "9"]
    assert images["exam_id"].tolist() == ["2/0", "4/0", "4/2", "4/2", "7/0", "9/0"]
    assert images["exam_day"].tolist() == [0, 0, 730.5, 730.5, 0, 0]
    assert images["laterality"].tolist() == ["L", "L", "L", "R", "R", "R"]
    assert images["view"].tolist() == ["CC", "MLO", "CC", "CC", "MLO", "CC"]
    assert images["image_id"].tolist() == images["path"].tolist()
    assert images["path"][0] == "00002_20990909_L_CC_1.dcm"
    assert images["meta_libra_percentdensity"].fillna(-1).tolist() == [20, 10, 10.5, 11, -1, 30]
    assert set(images["split"]) == {"NA"}
    assert images["age"].isna().all()
    assert table.findings.empty


@pytest.mark.parametrize(
    ("timing", "labels"),
    [
        (("1", "2"), [0, pd.NA, 1, 0, 1, pd.NA]),
        ((1,), [0, pd.NA, 1, 0, pd.NA, pd.NA]),
        ((1, 2, 3), [0, 1, 1, 0, 1, pd.NA]),
    ],
)
def test_exams_of_cases_count_by_their_timing_and_side(
    timing: tuple[Any, ...], labels: list[Any], tmp_path: Path
) -> None:
    reader = csaw_cc(tmp_path, positive_timing=timing)
    assert reader.read().images["label"].tolist() == labels


@pytest.mark.parametrize("timing", [(4,), ()])
def test_an_unknown_or_no_timing_is_refused(timing: tuple[int, ...], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected data\.positive_timing to hold .*1, 2, 3"):
        csaw_cc(tmp_path, positive_timing=timing)


def test_controls_alone_are_all_negative(tmp_path: Path) -> None:
    reader = csaw_cc(tmp_path)
    (tmp_path / TABLE).write_text("\n".join([HEADER, ROWS[0]]))
    assert reader.read().images["label"].tolist() == [0]


def test_images_may_lie_in_a_folder(tmp_path: Path) -> None:
    reader = csaw_cc(tmp_path, images=False)
    write_dicom(
        tmp_path / "unpacked" / "00002_20990909_L_CC_1.dcm", np.arange(96, dtype=np.uint16).reshape(12, 8)
    )
    inside = CSAWCC(tmp_path, images="unpacked")
    assert reader.state(reader.read().images["path"][0]) == "missing"
    assert inside.load(inside.read().images["path"][0]).pixels.shape == (12, 8)


def test_a_missing_table_is_named_with_the_layout(tmp_path: Path) -> None:
    reader = csaw_cc(tmp_path)
    (tmp_path / TABLE).unlink()
    with pytest.raises(UserError, match=rf"expected {TABLE} in .*<anon_filename>"):
        reader.read()


@pytest.mark.parametrize("column", ["x_case", "rad_timing", "libra_percentdensity"])
def test_a_missing_column_is_named(column: str, tmp_path: Path) -> None:
    reader = csaw_cc(tmp_path)
    change(tmp_path, column, "other")
    with pytest.raises(UserError, match=f"{TABLE}: expected a column '{column}'"):
        reader.read()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2010,0,", "2010,2,", "x_case: expected one of 0, 1, found '2' in row 1"),
        ("2010,0,,", "2010,0,Both,", "x_cancer_laterality: .* found 'Both' in row 1"),
        ("2010,0,,,,", "2010,0,,,9,", "rad_timing: expected one of 1, 2, 3, found '9' in row 1"),
        ("Left,CC", "L,CC", "imagelaterality: expected one of Left, Right, found 'L' in row 1"),
        ("Left,CC", "Left,XCCL", "viewposition: expected one of CC, MLO, found 'XCCL' in row 1"),
        ("2010,", "soon,", "exam_year: expected a number .* found 'soon'"),
        ("2,2010,", "2,,", "exam_year: expected a number .* found nothing in row 1"),
    ],
)
def test_an_unknown_code_is_refused_or_left_out(old: str, new: str, message: str, tmp_path: Path) -> None:
    reader = csaw_cc(tmp_path)
    change(tmp_path, old, new)
    with pytest.raises(UserError, match=rf"{message}.*data\.on_bad_row=skip"):
        reader.read()
    images = CSAWCC(tmp_path, on_bad_row="skip").read().images
    assert images["patient_id"].tolist() == ["4", "4", "4", "7", "9"]


def test_an_image_listed_twice_is_refused(tmp_path: Path) -> None:
    reader = csaw_cc(tmp_path)
    change(tmp_path, "00004_20990909_R_CC_2", "00004_20990909_L_CC_2")
    with pytest.raises(UserError, match=r"image_id: expected a value of its own, found '00004_.*' in row 4"):
        reader.read()
