import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydicom.dataset import Dataset

from bcdl.data.readers.cmmd import CMMD
from bcdl.data.table import ExamTable
from bcdl.errors import UserError
from bcdl.imaging import ImageError
from tests.data.readers.dicom_files import write_dicom

CSV = "cmmd_raw_label.csv"
XLSX = "CMMD_clinicaldata_revision.xlsx"
HEADER = "ID1,LeftRight,Age,number,abnormality,classification,subtype"
ROWS = [
    "D1-0001,R,44,2,calcification,Benign,",
    "D2-0002,L,51,2,both,Malignant,Luminal B",
    "D2-0003,L,62,2,mass,Benign,",
    "D2-0003,R,62,2,mass,Malignant,",
]
VIEWS = {"CC": "399162004", "MLO": "399368009"}
EXAMS = {  # folder: the sides that it has two views of
    "D1-0001/07-18-2010-NA-NA-70244": "R",
    "D2-0002/07-18-2011-NA-NA-14914": "LR",
    "D2-0003/07-18-2011-NA-NA-900": "L",
    "D2-0003/07-18-2011-NA-NA-1000": "R",
    "D2-0003/07-17-2011-NA-NA-2000": "L",
}


def cmmd(folder: Path, place: str = "CMMD", images: bool = True) -> CMMD:
    """Write the table with four breasts of three patients, and twelve images of five exams."""
    write_table(folder / CSV)
    for exam, sides in (EXAMS if images else {}).items():
        for number, (side, view) in enumerate([(side, view) for side in sides for view in VIEWS], 1):
            write_view(folder / place / exam / "1.000000-NA-1" / f"1-{number}.dcm", side, view)
    return CMMD(folder)


def write_table(file: Path, rows: list[str] = ROWS, header: str = HEADER) -> None:
    file.write_text("\n".join([header, *rows]) + "\n")


def write_view(file: Path, side: str, view: str) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = VIEWS[view], "SCT"
    pixels = np.tile(np.arange(0, 250, 10, dtype=np.uint8), (20, 1))
    write_dicom(file, pixels, ImageLaterality=side, ViewCodeSequence=[code], VOILUTFunction="SIGMOID")


def images_of(table: ExamTable, patient: str) -> pd.DataFrame:
    return table.images[table.images["patient_id"] == patient].set_index("image_id")


def test_an_image_on_disk_is_a_row_with_side_and_view_of_its_header(tmp_path: Path) -> None:
    table = cmmd(tmp_path).read()
    assert len(table.images) == 12
    assert len(table.findings) == 0
    images = images_of(table, "D1-0001")
    assert images["laterality"].tolist() == ["R", "R"]
    assert images["view"].tolist() == ["CC", "MLO"]
    assert images["path"]["D1-0001/e0/1"] == "CMMD/D1-0001/07-18-2010-NA-NA-70244/1.000000-NA-1/1-2.dcm"
    assert images["age"].tolist() == [44, 44]
    assert set(table.images["split"]) == {"NA"}


def test_labels_are_those_of_the_breast(tmp_path: Path) -> None:
    images = images_of(cmmd(tmp_path).read(), "D2-0003")
    assert set(images["label"][images["laterality"] == "L"]) == {0}
    assert set(images["label"][images["laterality"] == "R"]) == {1}


def test_images_of_the_other_breast_have_no_label_but_an_age(tmp_path: Path) -> None:
    images = images_of(cmmd(tmp_path).read(), "D2-0002")
    labelled, other = (images[images["laterality"] == side] for side in "LR")
    assert labelled["label"].tolist() == [1, 1]
    assert labelled["meta_abnormality"].tolist() == ["both", "both"]
    assert labelled["meta_subtype"].tolist() == ["Luminal B", "Luminal B"]
    assert len(other) == 2
    assert other[["label", "meta_abnormality", "meta_subtype"]].isna().all(axis=None)
    assert other["age"].tolist() == [51, 51]


def test_exams_follow_their_date_then_the_number_behind_it(tmp_path: Path) -> None:
    images = images_of(cmmd(tmp_path).read(), "D2-0003")
    place = images["path"].str.split("/").str[2]
    exams = images.assign(place=place).drop_duplicates("exam_id").set_index("place")
    assert exams["exam_id"].to_dict() == {
        "07-17-2011-NA-NA-2000": "D2-0003/e0",
        "07-18-2011-NA-NA-900": "D2-0003/e1",
        "07-18-2011-NA-NA-1000": "D2-0003/e2",
    }
    assert exams["exam_day"].to_dict() == {
        "07-17-2011-NA-NA-2000": 0,
        "07-18-2011-NA-NA-900": 1,
        "07-18-2011-NA-NA-1000": 1,
    }


def test_no_column_but_the_path_holds_a_date(tmp_path: Path) -> None:
    images = cmmd(tmp_path).read().images.drop(columns="path")
    assert not images.astype(str).apply(lambda column: column.str.contains("2010|2011")).any(axis=None)


def test_folders_without_a_date_have_no_day(tmp_path: Path) -> None:
    write_table(tmp_path / CSV, ROWS[:1])
    write_view(tmp_path / "CMMD" / "D1-0001" / "1.3.6.1.4" / "1.3.6.1.5" / "1-1.dcm", "R", "CC")
    images = CMMD(tmp_path).read().images
    assert images["exam_id"].tolist() == ["D1-0001/e0"]
    assert images["exam_day"].isna().all()


def test_the_images_may_lie_in_the_root_itself(tmp_path: Path) -> None:
    reader = cmmd(tmp_path, place=".")
    images = reader.read().images
    assert len(images) == 12
    assert reader.load(images["path"][0]).pixels.shape == (20, 25)


def test_without_images_every_breast_is_a_row(tmp_path: Path) -> None:
    reader = cmmd(tmp_path, images=False)
    images = reader.read().images
    assert images["image_id"].tolist() == ["D1-0001/R", "D2-0002/L", "D2-0003/L", "D2-0003/R"]
    assert images["label"].tolist() == [0, 1, 0, 1]
    assert set(images["view"]) == {"NA"}
    assert images["path"][0] == "CMMD/D1-0001/*/*/*.dcm"
    with pytest.raises(ImageError, match="no such file"):
        reader.load(images["path"][0])


def test_a_breast_without_an_image_stays_beside_those_with_one(tmp_path: Path) -> None:
    reader = cmmd(tmp_path)
    write_table(tmp_path / CSV, [*ROWS, "D1-0009,L,40,2,mass,Malignant,"])
    images = images_of(reader.read(), "D1-0009")
    assert images.index.tolist() == ["D1-0009/L"]
    assert (images["label"].tolist(), images["view"].tolist()) == ([1], ["NA"])


def test_an_image_of_a_patient_outside_the_table_has_no_label(tmp_path: Path) -> None:
    reader = cmmd(tmp_path)
    write_view(tmp_path / "CMMD" / "D1-0077" / "07-18-2010-NA-NA-1" / "1" / "1-1.dcm", "L", "CC")
    assert images_of(reader.read(), "D1-0077")["label"].isna().all()


def test_a_damaged_image_is_a_row_of_unknown_side_for_the_quality_gate(tmp_path: Path) -> None:
    reader = cmmd(tmp_path)
    file = tmp_path / "CMMD" / "D1-0001" / "07-18-2010-NA-NA-70244" / "1.000000-NA-1" / "1-2.dcm"
    file.write_bytes(b"damaged")
    damaged = images_of(reader.read(), "D1-0001").loc["D1-0001/e0/1"]
    assert damaged["path"] == file.relative_to(tmp_path).as_posix()
    assert (damaged["laterality"], damaged["view"]) == ("NA", "NA")
    assert pd.isna(damaged["label"])


def test_the_excel_file_gives_the_same_rows(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    reader = cmmd(tmp_path)
    expected = reader.read().images
    pd.read_csv(tmp_path / CSV).to_excel(tmp_path / XLSX, index=False)
    (tmp_path / CSV).unlink()
    pd.testing.assert_frame_equal(reader.read().images, expected)


def test_an_excel_file_without_openpyxl_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / XLSX).write_bytes(b"PK\x03\x04")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(UserError, match=r"needs? openpyxl, found none: pip install 'bcdl\[excel\]'"):
        CMMD(tmp_path).read()


def test_images_without_pydicom_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = cmmd(tmp_path)
    monkeypatch.setitem(sys.modules, "bcdl.imaging.dicom", None)
    with pytest.raises(UserError, match=r"needs pydicom, found none: pip install 'bcdl\[dicom\]'"):
        reader.read()


@pytest.mark.parametrize("content", [b"no Excel file", b"PK\x03\x04 truncated"])
def test_a_damaged_excel_file_is_named(content: bytes, tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    (tmp_path / XLSX).write_bytes(content)
    with pytest.raises(UserError, match=f"{XLSX}: expected an Excel file, cannot read it"):
        CMMD(tmp_path).read()


def test_a_missing_table_is_named_with_the_layout(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"expected {XLSX} in .*found no such file.* or {CSV} beside CMMD/D1"):
        CMMD(tmp_path).read()


@pytest.mark.parametrize("column", ["ID1", "LeftRight", "Age", "abnormality", "classification", "subtype"])
def test_a_missing_column_is_named(column: str, tmp_path: Path) -> None:
    write_table(tmp_path / CSV, header=HEADER.replace(column, "other"))
    with pytest.raises(UserError, match=f"expected a column '{column}'"):
        CMMD(tmp_path).read()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("D1-0009,B,40,2,mass,Benign,", "LeftRight: expected one of L, R, found 'B' in row 5"),
        ("D1-0009,L,40,2,mass,Malign,", "classification: expected one of Benign, Malignant, found 'Malign'"),
        (
            "D1-0009,L,40,2,lump,Benign,",
            "abnormality: expected one of mass, calcification, both, found 'lump'",
        ),
        ("D1-0009,L,old,2,mass,Benign,", "age: expected a number, found 'old'"),
        ("D1-0009,L,440,2,mass,Benign,", "age: expected years from 0 to 130, found .*440"),
        (ROWS[0].replace("Benign", "Malignant"), "breast: expected each in one row, found 'D1-0001 R'"),
    ],
)
def test_a_wrong_row_is_refused_or_left_out(
    row: str, message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = cmmd(tmp_path)
    right = reader.read().images
    write_table(tmp_path / CSV, [*ROWS, row])
    with pytest.raises(UserError, match=f"{message}.*data.on_bad_row=skip"):
        reader.read()
    pd.testing.assert_frame_equal(CMMD(tmp_path, on_bad_row="skip").read().images, right)
    assert "left out" in caplog.text


def test_the_real_table_has_the_published_counts() -> None:
    root = Path(os.environ.get("BCDL_TEST_DATA", "../shared/data")) / "cmmd"
    if not root.is_dir():
        pytest.skip(f"real data: no folder {root} (set BCDL_TEST_DATA)")
    breasts = CMMD(root).read().images.drop_duplicates(["patient_id", "laterality"]).dropna(subset="label")
    assert (len(breasts), breasts["patient_id"].nunique()) == (1872, 1775)
    assert breasts["label"].value_counts().to_dict() == {1: 1316, 0: 556}
    assert set(breasts.loc[breasts["meta_subtype"].notna(), "label"]) == {1}
