from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from bcdl.data.readers.busi import BUSI
from bcdl.errors import UserError

TOP = "Dataset_BUSI_with_GT"
FILES = (
    "benign/benign (1).png",
    "benign/benign (1)_mask.png",
    "benign/benign (2).png",
    "benign/benign (2)_mask.png",
    "benign/benign (2)_mask_1.png",
    "benign/benign (10).png",
    "malignant/malignant (1).png",
    "malignant/malignant (1)_mask.png",
    "normal/normal (1).png",
    "normal/normal (1)_mask.png",
)


def busi(folder: Path, top: str = TOP, masks: bool = True, **arguments: str) -> BUSI:
    """Write five images of three classes, one with two outlines, one without any, one with an empty one."""
    for path in FILES:
        if "mask" not in path:
            write(folder / top / path, np.full((20, 30, 3), 90, np.uint8))
        elif masks:
            outline = np.zeros((20, 30), np.uint8)
            outline[5:9, 3:12] = 0 if "normal" in path else 255
            write(folder / top / path, outline)
    return BUSI(folder, **arguments)


def write(file: Path, pixels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), pixels)


@pytest.mark.parametrize("top", [TOP, "."])
def test_an_image_is_a_patient_of_its_own_with_the_label_of_its_folder(top: str, tmp_path: Path) -> None:
    reader = busi(tmp_path, top)
    images = reader.read().images
    names = ["benign (1)", "benign (2)", "benign (10)", "malignant (1)", "normal (1)"]
    assert images["image_id"].tolist() == names
    assert images["patient_id"].tolist() == images["exam_id"].tolist() == names
    assert images["label"].tolist() == [0, 0, 0, 1, 0]
    assert set(images["view"]) == {"US"}
    assert set(images["laterality"]) == set(images["split"]) == {"NA"}
    assert [reader.load(path).pixels.shape for path in images["path"]] == [(20, 30, 3)] * 5


def test_an_outline_is_a_finding(tmp_path: Path) -> None:
    reader = busi(tmp_path)
    findings = reader.read().findings
    assert findings["finding_id"].tolist() == [
        "benign (1)#0",
        "benign (2)#0",
        "benign (2)#1",
        "malignant (1)#0",
    ]
    assert findings["label"].tolist() == [0, 0, 0, 1]
    assert set(findings["kind"]) == {"lesion"}
    assert findings["mask_path"][2] == f"{TOP}/benign/benign (2)_mask_1.png"
    assert reader.load_mask(findings["mask_path"][2]).sum() == 4 * 9


def test_copies_without_outlines_have_no_findings(tmp_path: Path) -> None:
    table = busi(tmp_path, masks=False).read()
    assert len(table.images) == 5
    assert table.findings.empty


def test_normal_breasts_count_as_asked(tmp_path: Path) -> None:
    assert busi(tmp_path, normal="unlabelled").read().images["label"].tolist() == [0, 0, 0, 1, pd.NA]
    dropped = busi(tmp_path, normal="drop").read().images
    assert dropped["label"].tolist() == [0, 0, 0, 1]
    with pytest.raises(UserError, match=r"data\.normal"):
        BUSI(tmp_path, normal="malignant")


def test_the_folder_of_normal_breasts_may_be_missing_where_they_are_dropped(tmp_path: Path) -> None:
    busi(tmp_path)
    (tmp_path / TOP / "normal").rename(tmp_path / "elsewhere")
    assert len(BUSI(tmp_path, normal="drop").read().images) == 4
    with pytest.raises(UserError, match=f"expected a folder normal in {tmp_path / TOP}"):
        BUSI(tmp_path).read()


def test_an_outline_without_its_image_keeps_the_image_as_a_row(tmp_path: Path) -> None:
    reader = busi(tmp_path)
    reader.file(f"{TOP}/malignant/malignant (1).png").unlink()
    table = reader.read()
    assert table.images["path"][3] == f"{TOP}/malignant/malignant (1).png"
    assert len(table.findings) == 4


@pytest.mark.parametrize("name", ["lesion.png", "malignant (7).png", "benign (3)_outline.png"])
def test_a_file_of_another_name_is_refused_or_left_out(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = busi(tmp_path).read().images
    write(tmp_path / TOP / "benign" / name, np.zeros((4, 4), np.uint8))
    with pytest.raises(UserError, match=r"expected a name such as 'benign \(1\).png'.*data.on_bad_row=skip"):
        BUSI(tmp_path).read()
    assert BUSI(tmp_path, on_bad_row="skip").read().images.equals(expected)
    assert name in caplog.text


def test_other_files_than_png_are_passed_over(tmp_path: Path) -> None:
    expected = busi(tmp_path).read().images
    (tmp_path / TOP / "benign" / "Thumbs.db").touch()
    assert BUSI(tmp_path).read().images.equals(expected)


def test_missing_folders_and_images_are_named_with_the_layout(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected a folder benign in .*Expected layout: Dataset_BUSI"):
        BUSI(tmp_path).read()
    (tmp_path / "benign").mkdir()
    with pytest.raises(UserError, match=r"expected images in .*benign, found none"):
        BUSI(tmp_path).read()
