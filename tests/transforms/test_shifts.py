import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from bcdl.errors import UserError
from bcdl.transforms.shifts import MISSING_VIEW, SHIFTS, Shifted, check_shifts

PIXELS = [name for name, shift in SHIFTS.items() if shift.change is not None]
Array = NDArray[np.uint8 | np.uint16]


def picture(dtype: str = "uint8", channels: int = 1) -> Array:
    """A bright disc with texture on a background of 0."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:48, :32]
    disc = (y - 24) ** 2 + (x - 16) ** 2 < 160
    levels = np.where(disc, 0.4 + 0.05 * generator.standard_normal((48, 32)), 0)
    levels[20:26, 14:18] = 0.6
    grey = np.rint(levels * np.iinfo(dtype).max).astype(dtype)
    return np.repeat(grey[:, :, None], channels, axis=2)


@pytest.mark.parametrize("name", PIXELS)
@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 1), ("uint8", 3), ("uint16", 1), ("uint16", 3)])
def test_a_shift_keeps_shape_and_type_and_grows_with_its_severity(
    name: str, dtype: str, channels: int
) -> None:
    image = picture(dtype, channels)
    before = image.copy()
    far = []
    for severity in (0, 1, 2, 3):
        changed = Shifted(name, severity)(image, "a")
        assert changed.shape == image.shape
        assert changed.dtype == image.dtype
        far.append(float(np.abs(changed.astype(float) - image).mean()))
    assert far[0] == 0
    assert far[1] < far[2] < far[3]
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", PIXELS)
def test_an_image_is_always_shifted_alike(name: str) -> None:
    image = picture()
    np.testing.assert_array_equal(Shifted(name, 2, 7)(image, "a"), Shifted(name, 2, 7)(image, "a"))


def test_other_images_and_other_seeds_have_other_noise() -> None:
    image = picture()
    first = Shifted("noise", 1, 0)(image, "a")
    assert (first != Shifted("noise", 1, 0)(image, "b")).any()
    assert (first != Shifted("noise", 1, 1)(image, "a")).any()


@pytest.mark.parametrize("name", ["noise", "contrast", "overexposure", "underexposure", "compression"])
def test_what_was_blank_stays_blank_where_grey_levels_alone_change(name: str) -> None:
    image = picture()
    assert not Shifted(name, 3)(image, "a")[image == 0].any()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_noise_has_its_deviation_as_a_share_of_the_range(dtype: str) -> None:
    largest = np.iinfo(dtype).max
    flat = np.full((200, 200, 1), largest // 2, dtype)
    noise = (Shifted("noise", 2)(flat, "a").astype(float) - flat) / largest
    assert noise.std() == pytest.approx(SHIFTS["noise"].settings[1], rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.002)


def test_blur_is_scipys_gaussian() -> None:
    image = picture()
    expected = gaussian_filter(image[..., 0].astype(float), 1.0, mode="mirror")
    found = Shifted("blur", 2)(image, "a")[..., 0]
    assert np.abs(found - expected)[8:-8, 8:-8].max() < 1.5


def test_contrast_keeps_the_mean_of_the_breast_and_shrinks_its_spread() -> None:
    image = picture("uint16")
    breast = image > 0
    changed = Shifted("contrast", 3)(image, "a")
    assert changed[breast].mean() == pytest.approx(image[breast].mean(), rel=1e-3)
    assert changed[breast].std() == pytest.approx(0.4 * image[breast].std(), rel=1e-2)


def test_exposure_multiplies_and_saturates() -> None:
    image = np.array([[[0], [100], [200]]], np.uint8)
    assert Shifted("overexposure", 3)(image, "a").ravel().tolist() == [0, 150, 255]
    assert Shifted("underexposure", 3)(image, "a").ravel().tolist() == [0, 50, 100]


def test_compression_is_that_of_opencv() -> None:
    image = np.random.default_rng(0).integers(1, 255, (32, 32, 1), dtype=np.uint8)
    code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 15])[1]
    expected = cv2.imdecode(code, cv2.IMREAD_GRAYSCALE)
    assert expected is not None
    np.testing.assert_array_equal(Shifted("compression", 3)(image, "a")[..., 0], expected)


def test_16_bits_are_compressed_over_their_own_range() -> None:
    dark = picture("uint16") // 64
    changed = Shifted("compression", 1)(dark, "a")
    assert np.abs(changed.astype(float) - dark)[dark > 0].mean() < 0.1 * dark[dark > 0].mean()


def test_an_empty_image_stays_empty() -> None:
    empty = np.zeros((16, 16, 1), np.uint16)
    assert not any(Shifted(name, 3)(empty, "a").any() for name in PIXELS)


def test_rotation_goes_either_way() -> None:
    image = picture()
    left = cv2.warpAffine(
        image[..., 0].astype(np.float32), cv2.getRotationMatrix2D((15.5, 23.5), 10, 1.0), (32, 48)
    )
    turned = [Shifted("rotation", 3)(image, str(key))[..., 0] for key in range(20)]
    to_the_left = [bool(np.abs(each - left).max() < 1) for each in turned]
    assert 0 < sum(to_the_left) < 20


def test_a_detector_of_half_the_pixels_keeps_the_mean_of_blocks() -> None:
    image = picture()
    blocks = image[..., 0].astype(float).reshape(24, 2, 16, 2).mean(axis=(1, 3))
    found = Shifted("detector", 2)(image, "a")[..., 0].astype(float)
    assert found.mean() == pytest.approx(blocks.mean(), rel=0.02)
    assert len(np.unique(found)) > 10


def test_settings_are_told_in_words() -> None:
    assert [SHIFTS["blur"].describe(severity) for severity in (1, 2, 3)] == [
        "sigma 0.5 px",
        "sigma 1 px",
        "sigma 2 px",
    ]
    assert all(len(shift.settings) == 3 for shift in SHIFTS.values())


def test_all_some_and_one_shift_can_be_named() -> None:
    assert check_shifts("all") == tuple(SHIFTS)
    assert check_shifts(["blur", "noise", "blur"]) == ("blur", "noise")
    assert check_shifts(MISSING_VIEW) == (MISSING_VIEW,)


@pytest.mark.parametrize(
    ("given", "told"), [("nois", "Did you mean 'noise'"), (["noise", "fog"], "found 'fog'"), ([], "none")]
)
def test_an_unknown_shift_is_explained(given: str | list[str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        check_shifts(given)
