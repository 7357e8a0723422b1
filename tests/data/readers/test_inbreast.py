import plistlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bcdl.data.readers.inbreast import INbreast
from bcdl.errors import UserError
from tests.data.readers.dicom_files import write_dicom

HEIGHT, WIDTH = 24, 16
HEADER = "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads"
ROWS = [
    "removed;removed;R;CC;201001;20586908;4;1",
    "removed;removed;R;MLO;201001;20586960;4;4a",
    "removed;removed;L;CC;201101;20586934;4;3",
    "removed;removed;L;FB;200807;22580192;;6",
]
FILES = [
    "20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm",
    "20586960_6c613a14b80a8591_MG_R_ML_ANON.dcm",
    "20586934_6c613a14b80a8591_MG_L_CC_ANON.dcm",
    "22580192_5530d5782fc89dd7_MG_L_FB_ANON.dcm",
]
SQUARE = ["(2.4, 3.9)", "(6.0, 3.0)", "(6.2, 8.5)", "(2.0, 8.0)"]
REGIONS = {
    "20586960": [("Mass", SQUARE), ("Calcification", ["(10.7, 20.2)"]), ("", ["(0, 1)", "(3, 1)"])],
    "22580192": [("Cluster", []), ("Cluster", [[-1.0, 2.0], [30.0, 2.0], [30.0, 9.0]])],
}


def regions(name: str) -> dict[str, Any]:
    """One image's outlines as OsiriX exports them."""
    rois = [
        {"Name": kind, "NumberOfPoints": len(points), "Point_px": points, "Type": 15, "Center": "(1, 1, 0)"}
        for kind, points in REGIONS[name]
    ]
    return {"Images": [{"ImageIndex": 0, "NumberOfROIs": len(rois), "ROIs": rois}]}


def inbreast(folder: Path, images: bool = True, **arguments: Any) -> INbreast:
    """Write four images of two patients in the source's form: semicolons, CRLF, padding."""
    lines = [HEADER, *ROWS]
    text = "\r\n".join(";".join(f"{cell}   " for cell in line.split(";")) for line in lines)
    (folder / "INbreast.csv").write_bytes(f"{text}\r\n".encode())
    (folder / "AllXML").mkdir()
    for name in REGIONS:
        (folder / "AllXML" / f"{name}.xml").write_bytes(plistlib.dumps(regions(name)))
    for file in FILES if images else []:
        pixels = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH)
        write_dicom(folder / "AllDICOMs" / file, pixels)
    (folder / "AllDICOMs" / "._20586908_x_MG_R_CC_ANON.dcm").write_bytes(b"") if images else None
    return INbreast(folder, **arguments)


def change(folder: Path, old: str, new: str) -> None:
    text = (folder / "INbreast.csv").read_bytes()
    assert old.encode() in text
    (folder / "INbreast.csv").write_bytes(text.replace(old.encode(), new.encode(), 1))


def test_rows_are_those_of_the_table_with_patients_and_paths_from_the_files(tmp_path: Path) -> None:
    images = inbreast(tmp_path).read().images
    assert images["patient_id"].tolist() == ["6c613a14b80a8591"] * 3 + ["5530d5782fc89dd7"]
    assert images["image_id"].tolist() == ["20586908", "20586960", "20586934", "22580192"]
    assert images["path"].tolist() == [f"AllDICOMs/{file}" for file in FILES]
    assert images["laterality"].tolist() == ["R", "R", "L", "L"]
    assert images["view"].tolist() == ["CC", "MLO", "CC", "FB"]
    assert images["birads"].tolist() == ["1", "4a", "3", "6"]
    assert images["density"].fillna("").tolist() == ["D", "D", "D", ""]
    assert images["age"].isna().all()
    assert set(images["split"]) == {"NA"}


def test_months_tell_exams_apart_and_become_days_from_the_first(tmp_path: Path) -> None:
    images = inbreast(tmp_path).read().images
    assert images["exam_day"].tolist() == [0, 0, 365, 0]
    assert images["exam_id"].tolist() == [
        *("6c613a14b80a8591/0", "6c613a14b80a8591/0", "6c613a14b80a8591/365"),
        "5530d5782fc89dd7/0",
    ]


def test_an_unknown_month_is_an_exam_of_unknown_day(tmp_path: Path) -> None:
    reader = inbreast(tmp_path)
    change(tmp_path, "200807", "removed")
    last = reader.read().images.iloc[3]
    assert pd.isna(last["exam_day"])
    assert last["exam_id"] == "5530d5782fc89dd7/unknown"


@pytest.mark.parametrize(
    ("rule", "labels"),
    [
        ({}, [0, 1, pd.NA, 1]),
        ({"benign": ["1", "2", "3"]}, [0, 1, 0, 1]),
        ({"malignant": [5, 6]}, [0, pd.NA, pd.NA, 1]),
    ],
)
def test_the_label_rule_is_a_choice(rule: dict[str, Any], labels: list[Any], tmp_path: Path) -> None:
    assert inbreast(tmp_path, **rule).read().images["label"].tolist() == labels


def test_birads_4_without_a_letter_is_malignant(tmp_path: Path) -> None:
    reader = inbreast(tmp_path)
    change(tmp_path, ";4a ", ";4 ")
    assert reader.read().images["label"][1] == 1


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"malignant": ["7"]}, r"data\.malignant to hold codes of 1, 2, .*found '7'"),
        ({"benign": ["1", "6"]}, "one of data.benign and data.malignant, found 6 in both"),
        ({"malignant": []}, r"one code or more in data\.malignant"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(rule: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        inbreast(tmp_path, **rule)


def test_outlines_become_findings_with_boxes(tmp_path: Path) -> None:
    findings = inbreast(tmp_path).read().findings
    assert findings["kind"].tolist() == ["mass", "calcification", "unnamed", "cluster"]
    assert findings["image_id"].tolist() == ["20586960"] * 3 + ["22580192"]
    assert findings["finding_id"].tolist() == ["20586960#0", "20586960#1", "20586960#2", "22580192#0"]
    assert findings["mask_path"][1] == "AllXML/20586960.xml#1"
    assert findings[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == [
        *([2, 3, 7, 9], [10, 20, 11, 21], [0, 1, 4, 2], [0, 2, 31, 10])
    ]
    assert findings["label"].isna().all()


def test_masks_have_the_size_of_their_image_and_fill_their_box(tmp_path: Path) -> None:
    reader = inbreast(tmp_path)
    mass, point, points, cluster = (reader.load_mask(path) for path in reader.read().findings["mask_path"])
    assert {mask.shape for mask in (mass, point, points, cluster)} == {(HEIGHT, WIDTH)}
    assert mass[3:9, 2:7].all()
    assert mass.sum() == 30
    assert np.argwhere(point).tolist() == [[20, 10]]
    assert np.argwhere(points).tolist() == [[1, 0], [1, 3]]
    assert cluster[2, WIDTH - 1]


@pytest.mark.parametrize(
    ("mask_path", "message"),
    [
        ("AllXML/20586960.xml#3", "expected one of 3 outlines, found '#3'"),
        ("AllXML/20586960.xml", "expected one of 3 outlines, found '#'"),
        ("AllXML/1.xml#0", "AllXML/1.xml: expected outlines"),
        ("../1.xml#0", "expected a path below data.root"),
    ],
)
def test_a_mask_that_is_not_there_is_named(mask_path: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        inbreast(tmp_path).load_mask(mask_path)


def test_without_images_the_table_stays_and_every_image_is_a_patient(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = inbreast(tmp_path, images=False)
    table = reader.read()
    assert table.images["patient_id"].tolist() == table.images["image_id"].tolist()
    assert table.images["path"][1] == "AllDICOMs/20586960_*_MG_R_ML_ANON.dcm"
    assert len(table.findings) == 4
    assert "4 of 4 images have no file" in caplog.text
    with pytest.raises(UserError, match="no such file"):
        reader.load(table.images["path"][1])
    with pytest.raises(UserError, match="to know its size, found none"):
        reader.load_mask("AllXML/20586960.xml#0")


BOMB = b"""<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>
<plist version="1.0"><dict><key>Images</key><array><string>&b;</string></array></dict></plist>"""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        BOMB,
        plistlib.dumps(regions("20586960"))[:300],
        plistlib.dumps({"Images": 3}),
        plistlib.dumps({"Images": [{"ROIs": [{"Name": "Mass"}]}]}),
        plistlib.dumps({"Images": [{"ROIs": [{"Point_px": ["(1, 2)", "(nan, 1)"]}]}]}),
        plistlib.dumps({"Images": [{"ROIs": [{"Point_px": ["(1, 2, 3)"]}]}]}),
        plistlib.dumps({"Images": [{"ROIs": [{"Point_px": ["(1, 1e9)"]}]}]}),
    ],
)
def test_damaged_outlines_are_named_or_their_findings_left_out(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = inbreast(tmp_path)
    (tmp_path / "AllXML" / "20586960.xml").write_bytes(content)
    with pytest.raises(UserError, match=r"20586960\.xml: expected outlines .*data\.on_bad_row=skip"):
        reader.read()
    table = INbreast(tmp_path, on_bad_row="skip").read()
    assert table.findings["image_id"].tolist() == ["22580192"]
    assert len(table.images) == 4
    assert "20586960.xml" in caplog.text


def test_a_set_without_outlines_has_no_findings(tmp_path: Path) -> None:
    reader = inbreast(tmp_path)
    for file in (tmp_path / "AllXML").iterdir():
        file.unlink()
    (tmp_path / "AllXML").rmdir()
    assert reader.read().findings.empty


def test_a_missing_table_is_named_with_the_layout(tmp_path: Path) -> None:
    reader = inbreast(tmp_path)
    (tmp_path / "INbreast.csv").unlink()
    with pytest.raises(UserError, match=r"expected INbreast\.csv in .*AllDICOMs/"):
        reader.read()


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    reader = inbreast(tmp_path)
    change(tmp_path, "Bi-Rads", "BIRADS")
    with pytest.raises(UserError, match=r"expected a column 'Bi-Rads', found .*BIRADS"):
        reader.read()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (";R   ;CC", ";B   ;CC", "Laterality: expected one of L, R, found 'B' in row 1"),
        (";CC ", ";LM ", "View: expected one of CC, MLO, FB, found 'LM' in row 1"),
        ("20586908   ;4", "20586908   ;5", "ACR: expected one of 1, 2, 3, 4, found '5' in row 1"),
        (";1   \r", ";0   \r", "Bi-Rads: expected one of 1, .* found '0' in row 1"),
    ],
)
def test_an_unknown_code_is_refused_or_left_out(old: str, new: str, message: str, tmp_path: Path) -> None:
    reader = inbreast(tmp_path)
    change(tmp_path, old, new)
    with pytest.raises(UserError, match=rf"{message}.*data\.on_bad_row=skip"):
        reader.read()
    images = INbreast(tmp_path, on_bad_row="skip").read().images
    assert images["image_id"].tolist() == ["20586960", "20586934", "22580192"]


def test_an_image_listed_twice_is_refused(tmp_path: Path) -> None:
    reader = inbreast(tmp_path)
    change(tmp_path, "20586934", "20586908")
    with pytest.raises(UserError, match="image_id: expected a value of its own, found '20586908' in row 3"):
        reader.read()
