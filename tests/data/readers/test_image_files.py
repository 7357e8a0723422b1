"""Image files without a table: whose they are by their folders, what they show by their names."""

from pathlib import Path

import pytest

from bcdl.data.readers.image_files import ImageFiles, position
from bcdl.errors import UserError


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("L_CC", ("L", "CC")),
        ("p1_RMLO", ("R", "MLO")),
        ("left-mlo 2", ("L", "MLO")),
        ("123_right_xccl", ("R", "XCCL")),
        ("L_LM", ("L", "LM")),
        ("LM", ("NA", "LM")),
        ("L_R_CC", ("NA", "CC")),
        ("r_cc_mlo", ("R", "NA")),
        ("scan17", ("NA", "NA")),
        ("clml", ("NA", "NA")),
    ],
)
def test_words_of_a_name_are_side_and_view(stem: str, expected: tuple[str, str]) -> None:
    assert position(stem) == expected


def test_a_folder_is_a_patient_and_an_exam(tmp_path: Path) -> None:
    rows = ImageFiles(tmp_path, whole_patients=True).rows(["a/L_CC.png", "a/R_CC.png", "b/2020/L_CC.png"])
    assert rows["patient_id"].tolist() == ["a", "a", "b/2020"]
    assert rows["exam_id"].tolist() == ["a", "a", "b/2020"]
    assert rows["laterality"].tolist() == ["L", "R", "L"]


def test_an_expression_finds_the_patient_and_the_folder_stays_the_exam(tmp_path: Path) -> None:
    rule = ImageFiles(tmp_path, "^([^/_]+)[/_]", whole_patients=True)
    rows = rule.rows(["b/2020/L_CC.png", "b/2022/L_CC.png", "c_L_CC.png"])
    assert rows["patient_id"].tolist() == ["b", "b", "c"]
    assert rows["exam_id"].nunique() == 3


def test_a_file_in_no_folder_is_a_patient_of_its_own_only_where_a_sample_is_an_image(tmp_path: Path) -> None:
    rows = ImageFiles(tmp_path).rows(["a.png", "b.png"])
    assert rows["patient_id"].tolist() == ["a.png", "b.png"]
    with pytest.raises(UserError, match=r"each exam in a folder of their own.*found a.png in none"):
        ImageFiles(tmp_path, whole_patients=True).rows(["a.png"])


def test_a_path_without_a_patient_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected a match of data.patient_from=\^\(P\.\).*found none for x"):
        ImageFiles(tmp_path, "^(P.)").rows(["x/a.png"])
    with pytest.raises(UserError, match="with a group"):
        ImageFiles(tmp_path, "^P.")
