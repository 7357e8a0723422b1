import numpy as np
from numpy.typing import NDArray

from bcdl.features.levels import quantise


def test_bins_are_of_equal_width_between_the_extremes() -> None:
    image = np.arange(100, 164, dtype=np.uint8).reshape(8, 8)
    assert np.bincount(quantise(image, 4).ravel()).tolist() == [16, 16, 16, 16]


def test_eight_bits_that_use_their_whole_range_stay_as_they_are() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(quantise(image, 256), image)


def test_sixteen_bits_give_the_same_bins(noise: NDArray[np.uint8]) -> None:
    wide = noise.astype(np.uint16) * 257
    assert np.array_equal(quantise(wide, 32), quantise(noise, 32))


def test_only_the_masked_pixels_set_the_range() -> None:
    image = np.array([[0, 10, 20, 255]], np.uint8)
    assert quantise(image, 2, np.array([[False, True, True, False]])).tolist() == [[0, 0, 1, 1]]


def test_one_grey_value_is_bin_0() -> None:
    assert not quantise(np.full((3, 3), 7, np.uint8), 32).any()
    assert not quantise(np.full((3, 3), 7, np.uint8), 32, np.zeros((3, 3), bool)).any()
