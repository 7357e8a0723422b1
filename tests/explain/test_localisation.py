import numpy as np
import pytest
from scipy.stats import binom

from bcdl.errors import UserError
from bcdl.explain import PointingGame, energy_inside, pointing_game, pointing_hit


def mask(rows: slice, columns: slice, size: tuple[int, int] = (10, 6)) -> np.ndarray:
    made = np.zeros(size, bool)
    made[rows, columns] = True
    return made


def peak(row: int, column: int) -> np.ndarray:
    made = np.zeros((10, 6), np.float32)
    made[row, column] = 1.0
    return made


LESION = mask(slice(2, 5), slice(1, 3))


@pytest.mark.parametrize(
    ("at", "tolerance", "hit"),
    [((2, 1), 0, True), ((5, 2), 0, False), ((5, 2), 1, True), ((5, 3), 1, False), ((5, 3), 2, True)],
)
def test_a_maximum_hits_in_the_mask_or_within_the_tolerance(
    at: tuple[int, int], tolerance: int, hit: bool
) -> None:
    assert pointing_hit(peak(*at), LESION, tolerance) is hit


def test_a_flat_map_points_nowhere() -> None:
    assert not pointing_hit(np.ones((10, 6), np.float32), np.ones((10, 6), bool))


def test_chance_is_the_lesions_share_of_the_image_or_of_the_breast() -> None:
    maps = [peak(2, 1), peak(9, 5)]
    whole = pointing_game(maps, [LESION, LESION])
    assert whole.hits.tolist() == [True, False]
    assert (whole.rate, whole.chance_rate) == (0.5, 6 / 60)
    breast = mask(slice(0, 10), slice(0, 2))
    assert pointing_game(maps, [LESION] * 2, regions=[breast] * 2).chance_rate == 3 / 20
    assert pointing_game(maps, [LESION] * 2, tolerance=1).chance_rate == pytest.approx((3 * 2 + 10) / 60)


def test_the_p_value_of_equal_chances_is_that_of_a_binomial_test() -> None:
    game = PointingGame(np.arange(20) < 7, np.full(20, 0.2))
    assert game.p_value == pytest.approx(binom.sf(6, 20, 0.2))


def test_a_mask_without_a_lesion_is_refused() -> None:
    with pytest.raises(UserError, match="found none in mask 1"):
        pointing_game([peak(2, 1)] * 2, [LESION, np.zeros_like(LESION)])


def test_energy_is_the_share_of_positive_values_in_the_mask() -> None:
    saliency = np.zeros((10, 6), np.float32)
    saliency[2, 1], saliency[9, 5], saliency[0, 0], saliency[3, 2] = 3.0, 1.0, -50.0, -50.0
    assert energy_inside(saliency, LESION) == 0.75
    assert energy_inside(np.ones((10, 6), np.float32), LESION) == pytest.approx(0.1)
    assert energy_inside(-np.ones((10, 6), np.float32), LESION) == 0.0


@pytest.mark.parametrize("score", [pointing_hit, energy_inside, lambda m, k: pointing_game([m], [k])])
def test_a_mask_of_another_geometry_is_refused_with_both_shapes(score: object) -> None:
    with pytest.raises(UserError, match=r"expected a mask of 10 x 6 pixels.*found 20 x 6.*finding_mask"):
        score(peak(2, 1), mask(slice(2, 5), slice(1, 3), (20, 6)))
