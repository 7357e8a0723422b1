import numpy as np
import pandas as pd
import pytest

from bcdl.evaluation.sweep.scale import MISSING, NOT_VARIED, scale


def test_a_wide_range_makes_a_logarithmic_axis() -> None:
    found = scale(pd.Series([1e-5, 1e-3, 1e-4]))
    assert found.logarithmic
    assert found.places.tolist() == pytest.approx([0.0, 1.0, 0.5])
    assert [text for _, text in found.ticks] == ["1e-5", "0.0001", "0.001"]


@pytest.mark.parametrize("values", [[0.0, 0.1, 1.0], [1.0, 10.0, 29.0], [-100.0, 1.0, 100.0]])
def test_a_narrow_range_or_numbers_that_are_not_positive_make_a_linear_one(values: list[float]) -> None:
    found = scale(pd.Series(values))
    assert not found.logarithmic
    assert found.places.tolist() == pytest.approx((np.array(values) - values[0]) / (values[-1] - values[0]))


def test_words_lie_evenly_and_are_the_ticks() -> None:
    found = scale(pd.Series(["b", "a", "c", "a"]))
    assert found.places.tolist() == [0.5, 0.0, 1.0, 0.0]
    assert found.ticks == ((0.0, "a"), (0.5, "b"), (1.0, "c"))


@pytest.mark.parametrize("values", [[1.0, np.nan, 2.0], ["a", None, "b"]])
def test_a_missing_value_lies_below_and_says_so(values: list[object]) -> None:
    found = scale(pd.Series(values))
    assert found.places.tolist() == [0.0, MISSING, 1.0]
    assert (MISSING, NOT_VARIED) in found.ticks


def test_one_value_lies_in_the_middle() -> None:
    assert scale(pd.Series([3.0, 3.0])).places.tolist() == [0.5, 0.5]


def test_many_numbers_have_few_ticks_apart_from_each_other() -> None:
    places = [place for place, _ in scale(pd.Series(np.linspace(0, 1, 200) ** 2)).ticks]
    assert 3 <= len(places) <= 9
    assert min(np.diff(places)) >= 0.07


def test_steps_of_whole_numbers_are_whole() -> None:
    assert all("." not in text for _, text in scale(pd.Series(range(2, 10))).ticks)


@pytest.mark.parametrize("values", [[128, 16384], [16384, 16390], [1.0, 123457.0, np.nan]])
def test_whole_numbers_are_told_to_the_last_digit(values: list[float]) -> None:
    told = [text for _, text in scale(pd.Series(values)).ticks if text != NOT_VARIED]
    assert told == [str(int(value)) for value in values if not np.isnan(value)]


def test_of_many_words_only_some_are_told() -> None:
    assert len(scale(pd.Series([f"word{number:03}" for number in range(100)])).ticks) <= 12
