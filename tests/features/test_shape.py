import numpy as np
import pytest
from numpy.typing import NDArray

from bcdl.features import largest_region, shape


def ellipse(a: float, b: float) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[-100:101, -100:101]
    inside: NDArray[np.bool_] = (columns / a) ** 2 + (rows / b) ** 2 <= 1
    return inside


def rectangle(height: int, width: int) -> NDArray[np.bool_]:
    mask = np.zeros((100, 100), bool)
    mask[10 : 10 + height, 20 : 20 + width] = True
    return mask


def test_a_disc_is_compact_and_round() -> None:
    disc = shape(ellipse(80, 80))
    assert disc["area"] == pytest.approx(np.pi * 80**2, rel=0.01)
    assert disc["perimeter"] == pytest.approx(2 * np.pi * 80, rel=0.01)
    assert disc["compactness"] == pytest.approx(1, abs=0.02)
    assert disc["solidity"] == pytest.approx(1, abs=0.02)
    assert disc["eccentricity"] == pytest.approx(0, abs=0.01)
    assert disc["extent"] == pytest.approx(np.pi / 4, abs=0.02)


def test_an_ellipse_has_the_eccentricity_of_its_axes() -> None:
    assert shape(ellipse(80, 40))["eccentricity"] == pytest.approx(np.sqrt(1 - 0.25), abs=0.005)


def test_a_square_fills_its_box_and_its_hull_and_is_less_compact_than_a_disc() -> None:
    square = shape(rectangle(40, 40))
    assert square["area"] == 1600
    assert square["extent"] == square["solidity"] == 1
    crofton = np.pi / 4 * (1 + np.sqrt(2)) / 2  # of an upright side, in four directions
    assert square["compactness"] == pytest.approx(np.pi / 4 / crofton**2, abs=0.02)


def test_a_cross_fills_less_of_its_hull_and_is_less_compact_than_a_square() -> None:
    mask = np.zeros((100, 100), bool)
    mask[20:80, 45:55] = mask[45:55, 20:80] = True
    cross = shape(mask)
    assert cross["area"] == 1100
    assert cross["solidity"] == pytest.approx(1100 / (3600 - 4 * 25**2 / 2), abs=0.02)
    assert cross["extent"] == pytest.approx(1100 / 3600)
    assert cross["compactness"] < shape(rectangle(40, 40))["compactness"] / 1.5


def test_lengths_are_in_the_unit() -> None:
    in_pixels, in_tens = shape(rectangle(40, 20)), shape(rectangle(40, 20), unit=10)
    assert in_tens["area"] == in_pixels["area"] / 100
    assert in_tens["perimeter"] == in_pixels["perimeter"] / 10
    assert in_tens["compactness"] == in_pixels["compactness"]


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (1, 30)])
def test_a_region_of_a_few_pixels_has_finite_values(size: tuple[int, int]) -> None:
    values = shape(rectangle(*size))
    assert np.isfinite(list(values.values())).all()
    assert 0 < values["compactness"] <= 1


def test_an_empty_region_measures_0() -> None:
    assert set(shape(np.zeros((5, 5), bool)).values()) == {0.0}


def test_the_largest_region_is_connected_through_sides() -> None:
    mask = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]], bool)
    assert np.array_equal(largest_region(mask), mask & (np.arange(3) > 0)[:, None])
    assert not largest_region(np.zeros((4, 4), bool)).any()
