"""What of a request belongs together, what a sample is called, and what is wrong with a row."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from bcdl.serving.facts import Facts
from bcdl.serving.request import Request
from bcdl.serving.scorer import Scorer

UNITS_OF_MANY = ("breast", "exam", "patient")


def samples(unit: str, facts: Facts, **columns: list[Any]) -> dict[str, list[int]]:
    """Return the rows of each sample that a request's columns make."""
    request, count = request_of(unit, **columns), len(next(iter(columns.values())))
    images = request.completed(["L"] * count, ["NA"] * count)
    asked = request.grouped(images, replace(facts, unit=unit), whole=True)
    assert asked["sample_id"].is_unique
    return dict(zip(asked["sample_id"], asked["rows"], strict=True))


@pytest.fixture(scope="module")
def facts(scorer: Scorer) -> Facts:
    """The facts of a trained model."""
    return scorer.facts


def request_of(unit: str, **columns: list[Any]) -> Request:
    frame = pd.DataFrame(columns)
    return Request.of(frame.assign(image=[b""] * len(frame)), unit)


@pytest.mark.parametrize("unit", UNITS_OF_MANY)
@pytest.mark.parametrize("ids", [["1", None, "2"], ["row 1", None, "1"], [None, None, "0"], ["1", "", "1"]])
def test_a_row_without_a_patient_joins_nobody_s_sample(
    unit: str, ids: list[str | None], facts: Facts
) -> None:
    found = samples(unit, facts, patient_id=ids)
    unnamed = [row for row, name in enumerate(ids) if not name]
    assert all([row] in found.values() for row in unnamed)
    assert len(found) == len(unnamed) + len({name for name in ids if name})


def test_an_image_without_a_name_takes_no_other_s(facts: Facts) -> None:
    assert samples("image", facts, sample=["1", None, "a"]) == {"1": [0], "row 1": [1], "a": [2]}
    assert request_of("image", sample=["1", None, "a"]).errors == {}


def test_images_without_an_exam_join_no_exam_that_has_an_id(facts: Facts) -> None:
    found = samples("exam", facts, patient_id=["P", "P", "P", "Q"], exam_id=["1", None, "3", None])
    assert found == {"P/1": [0], "P/2": [1], "P/3": [2], "Q/1": [3]}


def test_exams_without_an_id_are_numbered_by_day_and_no_date_is_in_a_name(facts: Facts) -> None:
    dates = ["2024-05-31T09:10", "2020-01-02", "2024-05-31T09:20", None, "2020-01-02"]
    found = samples("exam", facts, patient_id=["P"] * 4 + ["Q"], exam_date=dates)
    assert found == {"P/2": [0, 2], "P/1": [1], "P/3": [3], "Q/1": [4]}


@pytest.mark.parametrize(
    "dates", [["2024-05-31T09:00Z", "2020-01-02T09:00+02:00"], ["2024-05-31", "2020-01-02T09:00Z"]]
)
def test_a_date_may_have_a_time_zone(dates: list[str]) -> None:
    request = request_of("exam", patient_id=["P", "P"], exam_date=dates)
    assert request.errors == {}
    assert request.images["exam_day"].diff()[1] == pytest.approx(-1611, abs=0.5)
    assert request.images["exam_id"].tolist() == ["2", "1"]


def test_a_text_that_is_no_date_is_a_row_s_error_and_is_not_quoted() -> None:
    request = request_of("exam", patient_id=["P", "P"], exam_date=["2024-05-31Z", "Anna, born 1950"])
    (reason,) = [request.errors.pop(1)]
    assert "exam_date: expected a date" in reason
    assert "1950" not in reason
    assert "Anna" not in "".join(request.images["exam_id"])


@pytest.mark.parametrize("unit", UNITS_OF_MANY)
def test_a_row_without_a_name_among_named_ones_is_refused_and_alone(unit: str, facts: Facts) -> None:
    columns = {"sample": ["P", None, "1"], "patient_id": ["x", "P", "P"]}
    assert samples(unit, facts, **columns) == {"P": [0], "row 1": [1], "1": [2]}
    errors = request_of(unit, **columns).errors
    assert list(errors) == [1]
    assert "expected a name in every row or in none" in errors[1]


def test_two_patients_whose_exams_would_have_one_name_are_both_refused() -> None:
    columns = {"patient_id": ["a/b", "a", "a"], "exam_id": ["c", "b/c", "d"]}
    assert list(request_of("exam", **columns).errors) == [0, 1]
    assert request_of("patient", **columns).errors == {}
