import numpy as np
import pytest
from numpy.typing import NDArray

from bcdl.errors import UserError
from bcdl.features import FEATURES, feature_table, image_features

Levels = NDArray[np.uint8]


def test_every_feature_has_a_name_and_a_finite_value(noise: Levels) -> None:
    found = image_features(noise)
    assert found.shape == (len(FEATURES),) == (len(set(FEATURES)),)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert np.count_nonzero(found) == len(FEATURES)


def test_values_stand_under_their_names() -> None:
    image = np.zeros((64, 64), np.uint8)
    image[:, :32] = 80
    image[16:32, 8:24] = 200
    found = dict(zip(FEATURES, image_features(image).tolist(), strict=True))
    assert found["breast_area"] == 0.5
    assert found["dense_share"] == found["region_area"] == 0.125
    assert found["region_extent"] == 1
    assert found["region_perimeter"] == pytest.approx(64 / np.sqrt(2048), rel=0.1)
    assert found["grey_mean"] == pytest.approx((0.875 * 102 + 0.125 * 255) / 255)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirror_image_has_the_same_features(noise: Levels, axis: int) -> None:
    assert image_features(np.flip(noise, axis)) == pytest.approx(image_features(noise), rel=1e-5)


def test_sixteen_bits_have_the_same_features(noise: Levels) -> None:
    assert np.array_equal(image_features(noise.astype(np.uint16) * 257), image_features(noise))


def test_brightness_and_contrast_have_no_influence(noise: Levels) -> None:
    changed = noise.astype(np.uint16) * 100 + 3000
    assert np.array_equal(image_features(changed), image_features(noise))


def test_grey_in_three_channels_has_the_same_features(noise: Levels) -> None:
    colour = np.repeat(noise[:, :, None], 3, axis=2)
    assert np.array_equal(image_features(colour), image_features(noise))
    assert np.array_equal(image_features(noise[:, :, None]), image_features(noise))


def test_an_image_of_twice_the_size_has_the_same_density_and_shape() -> None:
    def drawn(side: int) -> Levels:
        rows, columns = np.mgrid[:side, :side] / side - 0.5
        return np.select(
            [(2 * rows) ** 2 + columns**2 < 0.03, rows**2 + columns**2 < 0.2], [200, 80], 0
        ).astype(np.uint8)

    assert image_features(drawn(256))[:8] == pytest.approx(image_features(drawn(128))[:8], rel=0.05)


def test_a_lesion_s_shape_takes_the_place_of_the_dense_region_s(noise: Levels) -> None:
    lesion = np.zeros_like(noise, bool)
    lesion[20:26, 10:16] = True
    own, given = (
        dict(zip(FEATURES, row, strict=True)) for row in feature_table([noise, noise], [None, lesion])
    )
    assert given["region_area"] == pytest.approx(36 / (given["breast_area"] * noise.size))
    assert {name for name in FEATURES if own[name] != given[name]} == {
        name for name in FEATURES if name.startswith("region_")
    }


@pytest.mark.parametrize("value", [0, 90, 255])
@pytest.mark.parametrize("size", [(1, 1), (28, 28), (5, 60)])
def test_an_even_image_measures_0(value: int, size: tuple[int, int]) -> None:
    assert not image_features(np.full(size, value, np.uint8)).any()


def test_a_lesion_on_an_even_image_has_a_shape() -> None:
    found = image_features(np.zeros((10, 10), np.uint8), np.eye(10, dtype=bool))
    assert np.isfinite(found).all()
    assert found[FEATURES.index("region_area")] == pytest.approx(0.1)


def test_a_single_bright_pixel_measures_finite_numbers() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[3, 4] = 9
    assert np.isfinite(image_features(image)).all()


def test_a_table_has_a_row_an_image_of_whatever_size(noise: Levels) -> None:
    images = [noise, noise[5:40], np.zeros((28, 28), np.uint16)]
    found = feature_table(iter(images))
    assert found.shape == (3, len(FEATURES))
    assert np.array_equal(found[1], image_features(images[1]))
    assert feature_table([]).shape == (0, len(FEATURES))
    with pytest.raises(ValueError, match="shorter"):
        feature_table(images, [None])


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (np.zeros((4, 4), np.float32), "found float32"),
        (np.zeros((4, 4, 2), np.uint8), r"found \(4, 4, 2\)"),
        (np.zeros((0, 4), np.uint8), r"found \(0, 4\)"),
    ],
)
def test_other_arrays_are_refused(image: NDArray[np.uint8], found: str) -> None:
    with pytest.raises(UserError, match=found):
        image_features(image)


def test_a_mask_of_another_size_is_refused(noise: Levels) -> None:
    with pytest.raises(UserError, match=r"size \(60, 40\), found \(40, 60\)"):
        image_features(noise, np.zeros((40, 60), bool))
