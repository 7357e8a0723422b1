from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bcdl.data.readers.vindr_mammo import VinDrMammo
from bcdl.errors import UserError
from tests.data.readers.dicom_files import write_dicom

HEIGHT, WIDTH = 40, 30
BREASTS = [  # study, image, side, view, BI-RADS, density, split
    ("s1", "a", "L", "CC", "BI-RADS 2", "DENSITY C", "training"),
    ("s1", "b", "R", "MLO", "BI-RADS 4", "DENSITY C", "training"),
    ("s2", "c", "L", "MLO", "BI-RADS 5", "DENSITY A", "test"),
    ("s2", "d", "R", "CC", "BI-RADS 1", "DENSITY A", "test"),
]
FINDINGS = [  # image, categories, BI-RADS, xmin, ymin, xmax, ymax
    ("a", "['No Finding']", "", "", "", "", ""),
    ("b", "['Mass', 'Suspicious Calcification']", "BI-RADS 4", "2.5", "3.5", "12.5", "20.0"),
    ("b", "['Skin Thickening']", "", "-1.25", "30.0", "10.0", "43.5"),
    ("c", "['Mass']", "BI-RADS 5", "20.0", "5.0", "30.75", "9.0"),
    ("d", "['No Finding']", "", "", "", "", ""),
]


def vindr_mammo(folder: Path, images: bool = True, **arguments: Any) -> VinDrMammo:
    """Write two exams of two views in the source's form; one box leaves its image on three sides."""
    breasts = pd.DataFrame(
        BREASTS,
        columns=[
            *("study_id", "image_id", "laterality", "view_position"),
            *("breast_birads", "breast_density", "split"),
        ],
    ).assign(series_id="x", height=HEIGHT, width=WIDTH)
    columns = ["image_id", "finding_categories", "finding_birads", "xmin", "ymin", "xmax", "ymax"]
    findings = breasts.merge(pd.DataFrame(FINDINGS, columns=columns), on="image_id")
    breasts.to_csv(folder / "breast-level_annotations.csv", index=False)
    findings.to_csv(folder / "finding_annotations.csv", index=False)
    for study, image, *_ in BREASTS if images else []:
        pixels = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH)
        write_dicom(folder / "images" / study / f"{image}.dicom", pixels)
    return VinDrMammo(folder, **arguments)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_rows_are_those_of_the_table(tmp_path: Path) -> None:
    images = vindr_mammo(tmp_path).read().images.set_index("image_id")
    assert images["patient_id"].tolist() == images["exam_id"].tolist() == ["s1", "s1", "s2", "s2"]
    assert images["laterality"].tolist() == ["L", "R", "L", "R"]
    assert images["view"].tolist() == ["CC", "MLO", "MLO", "CC"]
    assert images["birads"].tolist() == ["2", "4", "5", "1"]
    assert images["density"].tolist() == ["C", "C", "A", "A"]
    assert images["split"].tolist() == ["train", "train", "test", "test"]
    assert images["path"]["c"] == "images/s2/c.dicom"
    assert images[["pixel_spacing", "exam_day", "age"]].isna().all(axis=None)


@pytest.mark.parametrize(("malignant_from", "labels"), [(4, [0, 1, 1, 0]), (5, [0, 0, 1, 0])])
def test_the_lowest_malignant_birads_is_a_choice(
    malignant_from: int, labels: list[int], tmp_path: Path
) -> None:
    table = vindr_mammo(tmp_path, malignant_from=malignant_from).read()
    assert table.images["label"].tolist() == labels
    assert table.findings["label"].tolist() == [int(malignant_from == 4), pd.NA, 1]


def test_another_threshold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected data\.malignant_from of 4 or 5, found 3"):
        vindr_mammo(tmp_path, malignant_from=3)


def test_findings_are_the_rows_with_a_box_whatever_their_number_of_categories(tmp_path: Path) -> None:
    findings = vindr_mammo(tmp_path).read().findings
    assert findings["finding_id"].tolist() == ["b#0", "b#1", "c#0"]
    assert findings["kind"].tolist() == ["mass, suspicious calcification", "skin thickening", "mass"]
    assert findings["mask_path"].isna().all()


def test_boxes_end_at_the_edge_of_the_image(tmp_path: Path) -> None:
    boxes = vindr_mammo(tmp_path).read().findings[["x0", "y0", "x1", "y1"]].to_numpy().tolist()
    assert boxes == [[2.5, 3.5, 12.5, 20.0], [0.0, 30.0, 10.0, HEIGHT], [20.0, 5.0, WIDTH, 9.0]]


def test_a_set_without_boxes_has_no_findings(tmp_path: Path) -> None:
    reader = vindr_mammo(tmp_path)
    lines = (tmp_path / "finding_annotations.csv").read_text().splitlines()
    kept = [line for line in lines if "No Finding" in line or "xmin" in line]
    (tmp_path / "finding_annotations.csv").write_text("\n".join(kept))
    assert reader.read().findings.empty


def test_images_that_are_not_there_keep_their_rows(tmp_path: Path) -> None:
    reader = vindr_mammo(tmp_path, images=False)
    table = reader.read()
    assert len(table.images) == 4
    with pytest.raises(UserError, match="no such file"):
        reader.load(table.images["path"][0])


def test_images_are_decoded(tmp_path: Path) -> None:
    assert vindr_mammo(tmp_path).load("images/s1/b.dicom").pixels.shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize("name", ["breast-level_annotations.csv", "finding_annotations.csv"])
def test_a_missing_table_is_named_with_the_layout(name: str, tmp_path: Path) -> None:
    reader = vindr_mammo(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match=rf"expected {name} in .*images/<study_id>/<image_id>\.dicom"):
        reader.read()


@pytest.mark.parametrize(
    ("name", "column"),
    [("breast-level_annotations.csv", "breast_birads"), ("finding_annotations.csv", "finding_categories")],
)
def test_a_missing_column_is_named(name: str, column: str, tmp_path: Path) -> None:
    reader = vindr_mammo(tmp_path)
    change(tmp_path / name, column, "other")
    with pytest.raises(UserError, match=f"{name}: expected a column '{column}'"):
        reader.read()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a,L,", "a,X,", "laterality: expected one of L, R, found 'X' in row 1"),
        ("a,L,CC", "a,L,AT", "view_position: expected one of CC, MLO, found 'AT' in row 1"),
        ("BI-RADS 2", "BI-RADS 6", "breast_birads: .* found 'BI-RADS 6' in row 1"),
        ("DENSITY C", "DENSITY E", "breast_density: .* found 'DENSITY E' in row 1"),
        ("training", "validation", "split: expected one of training, test, found 'validation' in row 1"),
    ],
)
def test_an_unknown_code_is_refused_or_left_out(old: str, new: str, message: str, tmp_path: Path) -> None:
    reader = vindr_mammo(tmp_path)
    change(tmp_path / "breast-level_annotations.csv", old, new)
    with pytest.raises(UserError, match=rf"{message}.*data\.on_bad_row=skip"):
        reader.read()
    images = VinDrMammo(tmp_path, on_bad_row="skip").read().images
    assert images["image_id"].tolist() == ["b", "c", "d"]


def test_findings_of_an_image_left_out_are_left_out(tmp_path: Path) -> None:
    vindr_mammo(tmp_path)
    change(tmp_path / "breast-level_annotations.csv", "b,R,", "b,X,")
    findings = VinDrMammo(tmp_path, on_bad_row="skip").read().findings
    assert findings["image_id"].tolist() == ["c"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("['Skin Thickening']", "Skin Thickening", "finding_categories: expected a list .* in row 3"),
        ("['Skin Thickening']", "__import__('os')", "finding_categories: expected a list .* in row 3"),
        ("['Skin Thickening']", "[]", "finding_categories: expected a list .* in row 3"),
        (",,-1.25", ",BI-RADS 9,-1.25", "finding_birads: .* found 'BI-RADS 9' in row 3"),
        ("-1.25", "far left", r"x0: expected a number, found 'far left' in row 2 .image_id b"),
        ("-1.25", "11", r"x1: expected more than x0, found .*10.0.* in row 2 .image_id b"),
    ],
)
def test_a_wrong_finding_is_refused_or_left_out(old: str, new: str, message: str, tmp_path: Path) -> None:
    reader = vindr_mammo(tmp_path)
    change(tmp_path / "finding_annotations.csv", old, new)
    with pytest.raises(UserError, match=rf"{message}.*data\.on_bad_row=skip"):
        reader.read()
    table = VinDrMammo(tmp_path, on_bad_row="skip").read()
    assert table.findings["kind"].tolist() == ["mass, suspicious calcification", "mass"]
    assert len(table.images) == 4


def test_an_image_listed_twice_is_refused_or_listed_once(tmp_path: Path) -> None:
    reader = vindr_mammo(tmp_path)
    change(tmp_path / "breast-level_annotations.csv", "s1,b,", "s1,a,")
    with pytest.raises(UserError, match="image_id: expected a value of its own, found 'a' in row 2"):
        reader.read()
    images = VinDrMammo(tmp_path, on_bad_row="skip").read().images
    assert images["image_id"].tolist() == ["a", "c", "d"]
