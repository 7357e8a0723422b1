import numpy as np
import pytest

from bcdl.errors import UserError
from bcdl.transforms import Landmarks

QUANTILES = (10, 30, 50, 70, 90)


def tissue(number: int = 6, seed: int = 0, tone: float = 1.0, dtype: type = np.uint16) -> list[np.ndarray]:
    """Pictures with air on the right, their grey levels bent by an exponent."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        grey = generator.beta(3, 4, (40, 30, 1)) ** tone
        image = np.rint(1 + grey * (np.iinfo(dtype).max - 1))
        image[:, 20:] = 0
        found.append(image.astype(dtype))
    return found


def quantiles(image: np.ndarray) -> np.ndarray:
    return np.percentile(image[image > 0], QUANTILES)


def fitted(images: list[np.ndarray], **arguments: list[float]) -> Landmarks:
    preprocess = Landmarks(**arguments)  # type: ignore[arg-type]
    preprocess.fit(iter(images))
    return preprocess


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("tone", [0.6, 1.8])
def test_another_tone_curve_is_undone(tone: float, dtype: type) -> None:
    preprocess = fitted(tissue(dtype=dtype))
    image, bent = tissue(1, seed=5, dtype=dtype)[0], tissue(1, seed=5, tone=tone, dtype=dtype)[0]
    assert np.abs(quantiles(bent) / quantiles(image) - 1).max() > 0.3
    np.testing.assert_allclose(quantiles(preprocess.host(bent)), quantiles(preprocess.host(image)), rtol=0.02)


def test_an_image_s_landmarks_become_the_standard_ones() -> None:
    preprocess = fitted(tissue())
    harmonised = preprocess.host(tissue(1, seed=9, tone=1.5)[0])
    found = np.percentile(harmonised[harmonised > 0], preprocess.percentiles)
    np.testing.assert_allclose(found, preprocess.state_dict()["landmarks"], rtol=0.02)


def test_the_standard_is_the_mean_shape_on_the_mean_range() -> None:
    one = np.array([[[0], [10], [20], [30]]], dtype=np.uint8)
    other = np.array([[[0], [50], [100], [150]]], dtype=np.uint8)
    odd = np.array([[[0], [30], [80], [90]]], dtype=np.uint8)
    state = fitted([one, other, odd], percentiles=[0, 50, 100]).state_dict()
    middle = 30 + (0.5 + 0.5 + 50 / 60) / 3 * 60
    assert state["landmarks"] == pytest.approx([30, middle, 90])
    grey = np.concatenate([np.linspace(30, middle, 100_000), np.linspace(middle, 90, 100_000)])
    assert (state["mean"], state["std"]) == pytest.approx((grey.mean(), grey.std()), rel=1e-3)


def test_what_lies_beyond_the_outer_landmarks_goes_straight_on() -> None:
    training = [np.array([[[0], [20], [40], [60], [80], [100]]], dtype=np.uint8)]
    preprocess = fitted(training, percentiles=[25, 75])
    image = np.array([[[0], [2], [20], [40], [60], [200]]], dtype=np.uint8)
    assert preprocess.state_dict()["landmarks"] == [40, 80]
    bent = preprocess.host(image).ravel().tolist()  # its landmarks 20 and 60 move to 40 and 80
    assert bent == [0, 22, 40, 60, 80, 220]


def test_bright_pixels_stay_in_order_and_in_range() -> None:
    preprocess = fitted(tissue(dtype=np.uint8))
    image = tissue(1, seed=3, tone=2.5, dtype=np.uint8)[0]
    image[0, 0] = 255
    levels = np.unique(image)
    bent = [int(preprocess.host(image)[image == level].max()) for level in levels]
    assert bent == sorted(bent)
    assert bent[0] == 0 < bent[1]


@pytest.mark.parametrize("level", [0, 7])
def test_an_image_of_one_grey_level_passes_through(level: int) -> None:
    flat = np.full((4, 4, 1), level, np.uint16)
    preprocess = fitted([flat, *tissue()])
    assert (preprocess.host(flat) == level).all()
    with pytest.raises(UserError, match="two or more grey levels above 0"):
        Landmarks().fit([flat])


@pytest.mark.parametrize("percentiles", [[], [50], [10, 10], [90, 10], [-1, 50], [50, 101]])
def test_bad_percentiles_are_refused_with_the_key(percentiles: list[float]) -> None:
    with pytest.raises(UserError, match=r"rising preprocess\.percentiles from 0 to 100"):
        Landmarks(percentiles)
