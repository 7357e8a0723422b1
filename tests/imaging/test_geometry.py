import numpy as np
import pytest

from bcdl.imaging import Pixels, fit, fit_box, fit_mask, to_channels, widen

RNG = np.random.default_rng(0)
TALL = RNG.integers(1, 255, (40, 20), dtype=np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("tail", [(), (3,)])
@pytest.mark.parametrize("size", [(10, 10), (80, 60), (64, 16), (7, 5)])
def test_fit_gives_the_size_and_keeps_the_type(
    size: tuple[int, int], tail: tuple[int, ...], dtype: type
) -> None:
    image: Pixels = np.ones((40, 20, *tail), dtype)
    fitted = fit(image, size)
    assert fitted.shape == (*size, *tail)
    assert fitted.dtype == dtype
    assert set(np.unique(fitted)) <= {0, 1}


def test_fit_keeps_the_aspect_and_centres() -> None:
    fitted = fit(TALL, (20, 20))
    columns = np.flatnonzero(fitted.any(axis=0))
    assert (columns[0], columns[-1]) == (5, 14)
    assert fitted.any(axis=1).all()


def test_fit_of_a_mirrored_image_is_mirrored() -> None:
    np.testing.assert_array_equal(fit(TALL[:, ::-1], (20, 24)), fit(TALL, (20, 24))[:, ::-1])


def test_shrinking_averages_areas() -> None:
    means = TALL.reshape(20, 2, 10, 2).mean(axis=(1, 3))
    assert np.abs(fit(TALL, (20, 10)) - means).max() <= 0.5


def test_an_image_of_the_size_is_returned_untouched() -> None:
    assert fit(TALL, (40, 20)) is TALL


def test_a_box_lies_around_the_same_pixels_after_fitting() -> None:
    image = np.zeros((40, 20), np.uint8)
    image[8:16, 4:12] = 255
    x0, y0, x1, y1 = fit_box((4, 8, 12, 16), (40, 20), (60, 60))
    rows, columns = np.nonzero(fit(image, (60, 60)) > 127)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x0, y0, x1, y1)


def test_a_mask_follows_its_image() -> None:
    mask = np.zeros((40, 20), np.bool_)
    mask[8:16, 4:12] = True
    expected = fit(mask.astype(np.uint8) * 255, (20, 20)) > 127
    np.testing.assert_array_equal(fit_mask(mask, (20, 20)), expected)


def test_a_mask_of_one_pixel_survives_shrinking_and_an_empty_one_stays_empty() -> None:
    mask = np.zeros((400, 200), np.bool_)
    assert not fit_mask(mask, (20, 10)).any()
    mask[201, 101] = True
    assert np.argwhere(fit_mask(mask, (20, 10))).tolist() == [[10, 5]]


def test_channels_are_repeated_or_weighted_by_bt_601() -> None:
    np.testing.assert_array_equal(to_channels(TALL, 3), np.dstack([TALL] * 3))
    assert to_channels(TALL, 1).shape == (40, 20, 1)
    red = np.zeros((2, 2, 3), np.uint16)
    red[..., 0] = 10_000
    assert np.abs(to_channels(red, 1).astype(int) - 2_990).max() <= 1


def test_eight_bits_widen_to_the_whole_range_of_sixteen() -> None:
    np.testing.assert_array_equal(widen(np.array([[0, 1, 255]], np.uint8)), [[0, 257, 65535]])
    wide = np.array([[3]], np.uint16)
    assert widen(wide) is wide
