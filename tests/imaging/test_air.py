import numpy as np
import pytest
from numpy.typing import NDArray

from bcdl.imaging.air import rise_above_air

RNG = np.random.default_rng(0)
DOWN, RIGHT = np.mgrid[-1:1:128j, -1:1:64j]
TISSUE = np.hypot(DOWN, RIGHT + 1) < 0.9


def scene(air: NDArray[np.float64], noise: float = 0.0) -> NDArray[np.float32]:
    """Return uneven tissue on some air."""
    tissue = 60 + 80 * RNG.random(TISSUE.shape)
    grey = np.where(TISSUE, air + tissue, air)
    return (grey + RNG.normal(0, noise, grey.shape)).astype(np.float32) if noise else grey.astype(np.float32)


@pytest.mark.parametrize("tilt", [(0, 0), (20, 0), (0, -15), (10, 12), (25, 30), (0, 35)])
def test_grey_and_tilted_air_is_level_afterwards(tilt: tuple[float, float]) -> None:
    rise, noise = rise_above_air(scene(40 + tilt[0] * DOWN + tilt[1] * RIGHT))
    assert np.abs(rise[~TISSUE]).max() < 1
    assert rise[TISSUE].min() > 50
    assert noise < 1


def test_noise_is_measured_in_the_air_alone() -> None:
    rise, noise = rise_above_air(scene(np.full(TISSUE.shape, 40.0), noise=3.0))
    assert 2 < noise < 4
    assert np.median(rise[TISSUE]) > 80


def test_blackened_patches_are_darker_than_air_and_not_the_air() -> None:
    grey = scene(np.full(TISSUE.shape, 40.0))
    grey[100:120, 40:60] = 0
    rise, _ = rise_above_air(grey)
    assert np.abs(np.median(rise[~TISSUE])) < 1
    assert rise[110, 50] < -35


def test_saturated_tissue_is_as_even_as_air_and_yet_no_air() -> None:
    large = np.hypot(DOWN, RIGHT + 1) < 1.25
    assert 0.5 < large.mean() < 0.65
    rise, _ = rise_above_air(np.where(large, 255, 20).astype(np.float32))
    assert (rise[large] > 200).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (7, 3)])
def test_the_smallest_images_have_a_rise(shape: tuple[int, int]) -> None:
    rise, noise = rise_above_air(np.full(shape, 9, np.float32))
    assert rise.shape == shape
    assert np.isfinite(rise).all()
    assert np.isfinite(noise)
