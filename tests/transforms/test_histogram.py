import numpy as np
import pytest

from bcdl.errors import UserError
from bcdl.transforms.histogram import mean_and_deviation, percentiles, pooled_histogram


def images(dtype: type) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, np.iinfo(dtype).max, (20, 10, 1)).astype(dtype) for _ in range(3)]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_statistics_are_those_of_all_pixels(dtype: type) -> None:
    pixels = np.stack(images(dtype)).astype(np.float64)
    counts = pooled_histogram(iter(images(dtype)))
    assert mean_and_deviation(counts) == pytest.approx((pixels.mean(), pixels.std()))
    q = [0, 1, 25, 50, 99.5, 100]
    assert percentiles(counts, q).tolist() == np.percentile(pixels, q, method="inverted_cdf").tolist()


def test_the_background_can_be_left_out() -> None:
    image = np.array([0, 0, 0, 4, 6], dtype=np.uint8)
    assert mean_and_deviation(pooled_histogram([image], foreground=True)) == (5, 1)


def test_no_image_and_a_single_grey_level_are_refused() -> None:
    with pytest.raises(UserError, match="found no image"):
        pooled_histogram([])
    with pytest.raises(UserError, match="single grey level 7"):
        pooled_histogram([np.full((4, 4, 1), 7, dtype=np.uint16)])
