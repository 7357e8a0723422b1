from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kurtosis, skew
from skimage.feature import graycomatrix, graycoprops

from bcdl.features import binary_patterns, cooccurrence, moments
from bcdl.features.texture import COOCCURRENCE, MOMENTS, PATTERNS

Mask = NDArray[np.bool_]
Levels = NDArray[np.uint8]
EVERYWHERE = np.ones((32, 32), bool)
CHECKERBOARD = (np.indices((32, 32)).sum(0) % 2 * 200 + 20).astype(np.uint8)


def stripes(width: int) -> Levels:
    """Vertical stripes (32, 32) of two grey levels."""
    return np.tile((np.arange(32) // width % 2 * 200 + 20).astype(np.uint8), (32, 1))


def test_a_constant_texture_has_no_contrast_and_all_its_energy() -> None:
    found = cooccurrence(np.full((32, 32), 90, np.uint8), EVERYWHERE)
    for distance in (1, 3):
        assert found[f"glcm_contrast_{distance}"] == found[f"glcm_dissimilarity_{distance}"] == 0
        assert found[f"glcm_homogeneity_{distance}"] == found[f"glcm_energy_{distance}"] == 1


def test_a_checkerboard_differs_along_rows_and_columns_and_agrees_along_diagonals() -> None:
    found = cooccurrence(CHECKERBOARD, EVERYWHERE)
    assert found["glcm_contrast_1"] == pytest.approx(31**2 / 2)
    assert found["glcm_dissimilarity_1"] == pytest.approx(31 / 2)
    assert found["glcm_homogeneity_1"] == pytest.approx((1 + 1 / (1 + 31**2)) / 2)
    assert found["glcm_energy_1"] == pytest.approx(np.sqrt(0.5))
    assert found["glcm_correlation_1"] == pytest.approx(0, abs=0.01)


def test_distance_3_sees_coarser_stripes_than_distance_1() -> None:
    found = cooccurrence(stripes(3), EVERYWHERE)
    assert found["glcm_contrast_3"] > 1.5 * found["glcm_contrast_1"]


def test_pairs_agree_with_scikit_image_where_all_is_breast(noise: Levels) -> None:
    noise = noise[10:30, :20]
    low, high = int(noise.min()), int(noise.max())
    bins = np.minimum((noise.astype(int) - low) * 32 // (high - low), 31).astype(np.uint8)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    pairs = graycomatrix(bins, [1, 3], angles, levels=32, symmetric=True, normed=True)
    expected = graycoprops(pairs, "homogeneity").mean(axis=1)
    found = cooccurrence(noise, np.ones_like(noise, bool))
    assert [found["glcm_homogeneity_1"], found["glcm_homogeneity_3"]] == pytest.approx(expected.tolist())


@pytest.mark.parametrize("measure", [cooccurrence, moments])
def test_pixels_outside_the_breast_do_not_count(
    measure: Callable[[Levels, Mask], dict[str, float]], breast: Mask
) -> None:
    changed = CHECKERBOARD.copy()
    changed[~breast] = np.arange(changed[~breast].size) % 256
    assert measure(changed, breast) == measure(CHECKERBOARD, breast)


def test_an_even_area_has_neighbours_as_bright_all_around() -> None:
    inside = np.zeros((32, 32), bool)
    inside[1:-1, 1:-1] = True  # the image's rim has fewer neighbours
    found = binary_patterns(np.full((32, 32), 90, np.uint8), inside)
    assert found["lbp_8"] == 1
    assert sum(found.values()) == 1


def test_a_bright_dot_on_an_even_area_is_pattern_0_and_an_edge_is_uniform() -> None:
    dots = np.full((32, 32), 50, np.uint8)
    dots[4::8, 4::8] = 200
    assert binary_patterns(dots, dots == 200)["lbp_0"] == 1
    edge = np.full((32, 32), 50, np.uint8)
    edge[:, 16:] = 200
    brim = np.zeros((32, 32), bool)
    brim[4:-4, 16] = True
    assert binary_patterns(edge, brim)["lbp_5"] == 1


def test_moments_agree_with_scipy(noise: Levels) -> None:
    inside = noise > 0
    tissue = noise[inside] / 255
    shares = np.unique(noise[inside], return_counts=True)[1] / inside.sum()
    expected = [
        tissue.mean(),
        tissue.std(),
        skew(tissue),
        kurtosis(tissue),
        -(shares * np.log2(shares)).sum(),
    ]
    assert list(moments(noise, inside).values()) == pytest.approx(expected)


def test_two_equally_frequent_levels_have_one_bit() -> None:
    found = moments(CHECKERBOARD, EVERYWHERE)
    assert found["grey_entropy"] == pytest.approx(1)
    assert found["grey_skewness"] == pytest.approx(0)
    assert found["grey_kurtosis"] == pytest.approx(-2)


@pytest.mark.filterwarnings("error")
def test_no_breast_measures_0() -> None:
    nowhere = np.zeros((32, 32), bool)
    found = [measure(CHECKERBOARD, nowhere) for measure in (cooccurrence, binary_patterns, moments)]
    assert [tuple(each) for each in found] == [COOCCURRENCE, PATTERNS, MOMENTS]
    assert {value for each in found for value in each.values()} == {0.0}


def test_a_breast_of_one_pixel_has_no_pairs() -> None:
    dot = np.zeros((32, 32), bool)
    dot[5, 5] = True
    assert set(cooccurrence(CHECKERBOARD, dot).values()) == {0.0}
    assert moments(CHECKERBOARD, dot)["grey_kurtosis"] == 0
