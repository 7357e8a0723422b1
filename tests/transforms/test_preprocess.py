import json

import cv2
import numpy as np
import pytest
import torch

from bcdl.errors import RunError, UserError
from bcdl.transforms import (
    CLAHE,
    FullScale,
    HistogramMatch,
    Landmarks,
    MinMax,
    Percentile,
    Preprocess,
    ZScore,
)

ALL = [ZScore, MinMax, Percentile, CLAHE, HistogramMatch, Landmarks, FullScale]


def images(dtype: type = np.uint8, channels: int = 1, number: int = 4, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        image = generator.gamma(3, np.iinfo(dtype).max / 20, (32, 24, channels)).clip(1, np.iinfo(dtype).max)
        image[:, 16:] = 0
        found.append(image.astype(dtype))
    return found


def normalised(preprocess: Preprocess, image: np.ndarray) -> np.ndarray:
    raw = torch.from_numpy(preprocess.host(image).astype(np.float32))
    return preprocess.device(raw).numpy()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", ALL)
def test_host_keeps_type_shape_and_background(kind: type[Preprocess], dtype: type) -> None:
    preprocess = kind()
    preprocess.fit(iter(images(dtype, channels=3)))
    image = images(dtype, channels=3, seed=1)[0]
    before = image.copy()
    found = preprocess.host(image)
    assert (found.dtype, found.shape) == (image.dtype, image.shape)
    assert not found[image == 0].any()
    assert (image == before).all()


@pytest.mark.parametrize("kind", ALL)
def test_statistics_travel_as_plain_numbers(kind: type[Preprocess]) -> None:
    fitted, loaded = kind(), kind()
    fitted.fit(images())
    loaded.load_state_dict(json.loads(json.dumps(fitted.state_dict())))
    image = images(seed=1)[0]
    assert (normalised(fitted, image) == normalised(loaded, image)).all()


@pytest.mark.parametrize("kind", ALL)
def test_a_batch_keeps_its_shape_and_the_raw_tensor(kind: type[Preprocess]) -> None:
    preprocess = kind()
    preprocess.fit(images())
    raw = torch.full((2, 4, 1, 3, 3), 9.0)
    found = preprocess.device(raw)
    assert (found.shape, found.dtype) == (raw.shape, torch.float32)
    assert (raw == 9).all()


@pytest.mark.parametrize("kind", ALL)
def test_nothing_is_normalised_before_it_has_learnt(kind: type[Preprocess]) -> None:
    with pytest.raises(RunError, match="has not learnt"):
        kind().device(torch.zeros(1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", [ZScore, CLAHE])
def test_training_pixels_end_with_mean_0_and_deviation_1(kind: type[Preprocess], dtype: type) -> None:
    preprocess = kind()
    preprocess.fit(images(dtype))
    pixels = np.stack([normalised(preprocess, image) for image in images(dtype)])
    assert pixels.mean() == pytest.approx(0, abs=1e-4)
    assert pixels.std() == pytest.approx(1, abs=1e-4)


def test_minimum_and_maximum_become_0_and_1_and_others_are_clipped() -> None:
    preprocess = MinMax()
    preprocess.fit([np.array([[[10], [30]]], dtype=np.uint8)])
    assert preprocess.device(torch.tensor([5.0, 10.0, 20.0, 30.0, 99.0])).tolist() == [0, 0, 0.5, 1, 1]


def test_percentiles_become_0_and_1() -> None:
    preprocess = Percentile(low=10, high=90)
    preprocess.fit([np.arange(1, 101, dtype=np.uint16)[:, None, None]])
    assert preprocess.device(torch.tensor([10.0, 50.0, 90.0, 100.0])).tolist() == pytest.approx(
        [0, 0.5, 1, 1]
    )


@pytest.mark.parametrize(("dtype", "largest"), [(np.uint8, 255.0), (np.uint16, 65535.0)])
def test_full_scale_divides_by_the_bit_depth(dtype: type, largest: float) -> None:
    preprocess = FullScale()
    preprocess.fit(images(dtype))
    assert preprocess.device(torch.tensor([largest])).item() == pytest.approx(1)


def test_clahe_is_that_of_opencv_on_each_channel_of_16_bits() -> None:
    image = images(np.uint16, channels=2)[0]
    found = CLAHE(clip_limit=3, tile=4).host(image)
    for channel in range(2):
        expected = cv2.createCLAHE(3, (4, 4)).apply(image[..., channel])
        breast = image[..., channel] > 0
        assert (found[..., channel][breast] == expected[breast]).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_darker_machine_looks_like_the_training_set_after_matching(dtype: type) -> None:
    preprocess = HistogramMatch()
    training = images(dtype)
    preprocess.fit(training)
    darker = (images(dtype, seed=1)[0] * 0.5).astype(dtype)
    breast = np.stack(training)[np.stack(training) > 0]
    matched = preprocess.host(darker)[darker > 0]
    assert np.median(darker[darker > 0]) < 0.6 * np.median(breast)
    for q in (10, 50, 90):
        assert np.percentile(matched, q) == pytest.approx(np.percentile(breast, q), rel=0.05)


def test_matching_keeps_the_order_of_grey_levels() -> None:
    preprocess = HistogramMatch()
    preprocess.fit(images())
    image = images(seed=2)[0]
    levels = np.unique(image)
    found = [preprocess.host(image)[image == level].max() for level in levels]
    assert found == sorted(found)


def test_an_empty_image_passes_through_matching() -> None:
    preprocess = HistogramMatch()
    preprocess.fit(images())
    assert not preprocess.host(np.zeros((4, 4, 1), dtype=np.uint8)).any()


@pytest.mark.parametrize("kind", ALL)
def test_training_without_images_is_refused(kind: type[Preprocess]) -> None:
    with pytest.raises(UserError, match="training images"):
        kind().fit([])


def test_bad_settings_are_refused_with_the_key() -> None:
    with pytest.raises(UserError, match=r"preprocess\.low < preprocess\.high"):
        Percentile(low=60, high=40)
    with pytest.raises(UserError, match=r"preprocess\.clip_limit"):
        CLAHE(clip_limit=0)
    with pytest.raises(UserError, match=r"preprocess\.knots"):
        HistogramMatch(knots=1)
    with pytest.raises(UserError, match="further apart"):
        Percentile(1, 40).fit([np.array([0, 0, 0, 9], dtype=np.uint8)])
