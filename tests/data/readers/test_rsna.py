from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bcdl.data.readers.rsna import RSNA
from bcdl.errors import UserError
from tests.data.readers.dicom_files import write_dicom

HEADER = (
    "site_id,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,implant,density,machine_id,"
    "difficult_negative_case"
)
ROWS = [
    "2,10006,462822612,L,CC,61.0,0,0,0,,0,,29,False",
    "2,10006,1459541791,L,MLO,61.0,0,0,0,,0,,29,False",
    "1,10130,388811999,L,MLO,,1,1,1,0.0,1,B,49,False",
    "1,10130,613462606,R,AT,,0,1,0,2.0,1,B,49,True",
]


def rsna(folder: Path, images: bool = True, **arguments: Any) -> RSNA:
    """Write two patients in the source's form: site 2 without density, and a repeated-view position."""
    (folder / "train.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    (folder / "test.csv").write_text("site_id,patient_id,image_id\n2,10008,736471439\n")
    for row in ROWS if images else []:
        _, patient, image, *_ = row.split(",")
        pixels = np.full((12, 8), int(image) % 1000, np.uint16)
        write_dicom(folder / "train_images" / patient / f"{image}.dcm", pixels)
    return RSNA(folder, **arguments)


def change(folder: Path, old: str, new: str) -> None:
    text = (folder / "train.csv").read_text()
    assert old in text
    (folder / "train.csv").write_text(text.replace(old, new, 1))


def test_rows_are_those_of_the_training_table(tmp_path: Path) -> None:
    table = rsna(tmp_path).read()
    images = table.images
    assert images["patient_id"].tolist() == images["exam_id"].tolist() == ["10006"] * 2 + ["10130"] * 2
    assert images["laterality"].tolist() == ["L", "L", "L", "R"]
    assert images["view"].tolist() == ["CC", "MLO", "MLO", "AT"]
    assert images["label"].tolist() == [0, 0, 1, 0]
    assert images["path"][0] == "train_images/10006/462822612.dcm"
    assert images["age"].fillna(-1).tolist() == [61, 61, -1, -1]
    assert images["density"].fillna("").tolist() == ["", "", "B", "B"]
    assert images["birads"].fillna("").tolist() == ["", "", "0", "2"]
    assert images["site"].tolist() == ["2", "2", "1", "1"]
    assert images["machine"].tolist() == ["29", "29", "49", "49"]
    assert images["meta_implant"].tolist() == ["0", "0", "1", "1"]
    assert set(images["split"]) == {"NA"}
    assert table.findings.empty


def test_columns_of_the_outcome_are_carried_on_request_alone(tmp_path: Path) -> None:
    outcomes = {"meta_biopsy", "meta_invasive", "meta_difficult_negative_case"}
    assert not outcomes & set(rsna(tmp_path).read().images)
    images = RSNA(tmp_path, outcome_columns=True).read().images
    assert images["meta_biopsy"].tolist() == ["0", "0", "1", "1"]
    assert images["meta_invasive"].tolist() == ["0", "0", "1", "0"]
    assert images["meta_difficult_negative_case"].tolist() == ["False", "False", "False", "True"]


def test_columns_may_be_empty(tmp_path: Path) -> None:
    reader = rsna(tmp_path)
    kept = [line for line in (tmp_path / "train.csv").read_text().splitlines() if not line.startswith("1,")]
    (tmp_path / "train.csv").write_text("\n".join(kept))
    assert reader.read().images[["birads", "density"]].isna().all(axis=None)


def test_images_that_are_not_there_keep_their_rows(tmp_path: Path) -> None:
    reader = rsna(tmp_path, images=False)
    images = reader.read().images
    assert len(images) == 4
    assert reader.state(images["path"][0]) == "missing"


def test_images_are_decoded(tmp_path: Path) -> None:
    reader = rsna(tmp_path)
    assert reader.load(reader.read().images["path"][3]).pixels.shape == (12, 8)


def test_a_missing_table_is_named_with_the_layout(tmp_path: Path) -> None:
    reader = rsna(tmp_path)
    (tmp_path / "train.csv").unlink()
    with pytest.raises(
        UserError, match=r"expected train\.csv in .*train_images/<patient_id>/<image_id>\.dcm"
    ):
        reader.read()


@pytest.mark.parametrize("column", ["cancer", "biopsy", "machine_id"])
def test_a_missing_column_is_named(column: str, tmp_path: Path) -> None:
    reader = rsna(tmp_path)
    change(tmp_path, column, "other")
    with pytest.raises(UserError, match=rf"train\.csv: expected a column '{column}'"):
        reader.read()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("462822612,L", "462822612,B", "laterality: expected one of L, R, found 'B' in row 1"),
        ("462822612,L,CC", "462822612,L,CCC", "view: expected one of CC, .* found 'CCC' in row 1"),
        ("61.0,0", "61.0,2", "cancer: expected one of 0, 1, found '2' in row 1"),
        ("61.0,0", "61.0,", "cancer: expected one of 0, 1, found nothing in row 1"),
        ("61.0,0", "161,0", "age: expected years from 0 to 130, found .*161.* in row 1"),
        ("61.0,0", "sixty,0", "age: expected a number, found 'sixty' in row 1"),
        ("0,0,0,,0,,29", "0,0,0,,0,E,29", "density: expected one of A, B, C, D, found 'E' in row 1"),
    ],
)
def test_an_unknown_code_is_refused_or_left_out(old: str, new: str, message: str, tmp_path: Path) -> None:
    reader = rsna(tmp_path)
    change(tmp_path, old, new)
    with pytest.raises(UserError, match=rf"{message}.*data\.on_bad_row=skip"):
        reader.read()
    images = RSNA(tmp_path, on_bad_row="skip").read().images
    assert images["image_id"].tolist() == ["1459541791", "388811999", "613462606"]


def test_an_image_listed_twice_is_refused(tmp_path: Path) -> None:
    reader = rsna(tmp_path)
    change(tmp_path, "1459541791", "462822612")
    with pytest.raises(UserError, match="image_id: expected a value of its own, found '462822612' in row 2"):
        reader.read()
