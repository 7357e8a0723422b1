from typing import Any

import pandas as pd
import pytest

from bcdl.data.schema import IMAGE_COLUMNS
from bcdl.data.table import (
    ExamTable,
    complete_findings,
    complete_images,
    keep_valid_rows,
    positive_last,
    validate_table,
)
from bcdl.errors import UserError


def images(**changes: list[Any]) -> pd.DataFrame:
    cells: dict[str, list[Any]] = {
        "patient_id": ["p0", "p0", "p1"],
        "exam_id": ["e0", "e0", "e1"],
        "image_id": ["i0", "i1", "i2"],
        "path": ["0.png", "1.png", "2.png"],
        "laterality": ["L", "R", None],
        "label": [0, 1, None],
    }
    return pd.DataFrame(cells | changes)


def findings(**changes: list[Any]) -> pd.DataFrame:
    cells: dict[str, list[Any]] = {
        "image_id": ["i0"],
        "finding_id": ["f0"],
        "kind": ["mass"],
        "label": [1],
        "x0": [1.0],
        "x1": [4.0],
        "y0": [1.0],
        "y1": [2.0],
    }
    return pd.DataFrame(cells | changes)


def table(found: pd.DataFrame | None = None, **changes: list[Any]) -> ExamTable:
    return ExamTable(images(**changes), complete_findings(found), ("benign", "malignant"), "malignant")


def test_absent_columns_become_nulls_of_their_type() -> None:
    complete = complete_images(images())
    assert list(complete) == list(IMAGE_COLUMNS)
    assert complete["view"].tolist() == complete["split"].tolist() == ["NA"] * 3
    assert complete["laterality"].tolist() == ["L", "R", "NA"]
    assert complete["frame"].tolist() == [0, 0, 0]
    assert complete["label"].dtype == "Int64"
    assert complete["age"].dtype == "float64"
    assert complete["exam_day"].dtype == "float64"
    assert complete["birads"].isna().all()


def test_completing_a_complete_table_changes_nothing() -> None:
    once = complete_images(images(meta_site=[1, 2, 3]))
    pd.testing.assert_frame_equal(complete_images(once), once)


def test_no_findings_give_an_empty_table() -> None:
    assert len(complete_findings(None)) == 0
    assert validate_table(table(), "t").findings["x0"].dtype == "float64"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"laterality": ["L", "B", "R"]}, ["laterality", "L, R, NA", "'B'", "row 2", "i1"]),
        ({"view": ["CC", "CC", "XX"]}, ["view", "MLO", "'XX'", "row 3"]),
        ({"label": [0, 2, 1]}, ["label", "0, 1", "2", "row 2"]),
        ({"label": [0, "bad", 1]}, ["label", "a whole number", "'bad'", "row 2"]),
        ({"label": [0, 0.5, 1]}, ["label", "a whole number", "0.5"]),
        ({"image_id": ["i0", "i1", "i0"]}, ["image_id", "of its own", "'i0'", "row 3"]),
        ({"path": ["0.png", None, ""]}, ["path", "a value", "nothing", "row 2"]),
        ({"exam_day": [0, "31.01.2024", None]}, ["exam_day", "2024-05-31", "31.01.2024"]),
        ({"density": ["A", None, "E"]}, ["density", "A, B, C, D", "'E'"]),
        ({"pixel_spacing": [0.1, 0.0, 0.1]}, ["pixel_spacing", "above 0", "0.0"]),
        ({"split": ["train", "train", "dev"]}, ["split", "train, val, test", "'dev'"]),
    ],
)
def test_a_bad_cell_is_named_with_row_value_expectation_and_remedy(
    changes: dict[str, list[Any]], words: list[str]
) -> None:
    with pytest.raises(UserError) as error:
        validate_table(table(**changes), "cases.csv")
    for word in [*words, "cases.csv", "data.on_bad_row=skip"]:
        assert word in str(error.value)


def test_the_first_bad_row_is_named_and_the_others_are_counted() -> None:
    bad = table(laterality=["L", "L", "X"], view=["CC", "YY", "ZZ"])
    with pytest.raises(UserError, match=r"'YY' in row 2 .* and 2 more"):
        validate_table(bad, "t")


def test_a_missing_column_is_named() -> None:
    bad = ExamTable(images().drop(columns="path"), complete_findings(None), ("a", "b"), "b")
    with pytest.raises(UserError, match="none named path"):
        validate_table(bad, "t")


def test_a_misspelt_column_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"'lateralty'\. Did you mean 'laterality'"):
        validate_table(table(lateralty=["L", "L", "L"]), "t")


def test_an_empty_table_is_an_error() -> None:
    empty = ExamTable(images().iloc[:0], complete_findings(None), ("a", "b"), "b")
    with pytest.raises(UserError, match="at least one image"):
        validate_table(empty, "t")


def test_an_unknown_positive_class_names_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean 'malignant'"):
        validate_table(ExamTable(images(), complete_findings(None), ("benign", "malignant"), "malign"), "t")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"image_id": ["other"]}, "an image of the table"),
        ({"x1": [1.0]}, "more than x0"),
        ({"label": [5]}, "label"),
    ],
)
def test_a_bad_finding_is_an_error(changes: dict[str, list[Any]], word: str) -> None:
    with pytest.raises(UserError, match=word):
        validate_table(table(findings(**changes)), "t")


def test_bad_rows_can_be_left_out_with_their_findings_and_reasons() -> None:
    bad = table(findings(image_id=["i1"]), laterality=["L", "B", "R"], label=["x", 1, 1])
    kept, issues = keep_valid_rows(bad, "t")
    assert kept.images["image_id"].tolist() == ["i2"]
    assert kept.images.index.tolist() == [0]
    assert kept.findings.empty
    assert issues["row"].tolist() == [0, 1]
    assert issues["column"].tolist() == ["label", "laterality"]
    assert issues["value"].tolist() == ["x", "B"]


def test_the_first_of_two_images_with_one_id_stays() -> None:
    kept, issues = keep_valid_rows(table(image_id=["i0", "i0", "i1"]), "t")
    assert kept.images["path"].tolist() == ["0.png", "2.png"]
    assert issues["expected"].tolist() == ["a value of its own"]


def test_no_valid_row_at_all_is_an_error() -> None:
    with pytest.raises(UserError, match="no valid row"):
        keep_valid_rows(table(view=["X", "Y", "Z"]), "t")


def test_two_classes_are_recoded_so_that_label_1_is_positive() -> None:
    source = validate_table(table(findings()), "t")
    swapped = positive_last(ExamTable(source.images, source.findings, ("cancer", "normal"), "cancer"))
    assert swapped.classes == ("normal", "cancer")
    assert swapped.positive_label == 1
    assert swapped.images["label"].tolist() == [1, 0, pd.NA]
    assert swapped.findings["label"].tolist() == [0]
    assert positive_last(swapped) is swapped
