"""Shapes of breasts, and that closed-form spans agree with the contours they invert."""

import itertools

import numpy as np
import pytest

from bcdl.data.phantom.anatomy import (
    FIELD_DEPTH,
    FIELD_HEIGHT,
    Breast,
    lateral_reach,
    oblique_span,
    other_side,
    pectoral_depth,
    sample_breast,
    skin_depth,
)

HEIGHTS = np.linspace(0.0, FIELD_HEIGHT, 961, dtype=np.float32)


def breasts(density: str, count: int = 60) -> list[Breast]:
    return [sample_breast(density, np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("density", ["A", "B", "C", "D"])
def test_breasts_fit_the_field(density: str) -> None:
    for breast in breasts(density):
        for view, level in (("CC", breast.nipple_cc), ("MLO", breast.nipple_mlo)):
            skin = skin_depth(breast, view, HEIGHTS)
            assert skin.max() < FIELD_DEPTH
            assert abs(HEIGHTS[skin.argmax()] - level) < 3.0
            assert skin.max() == pytest.approx(breast.depth, rel=0.01)
        assert breast.fold < FIELD_HEIGHT


def test_glandularity_rises_with_density_class() -> None:
    amounts = [np.array([breast.glandularity for breast in breasts(density)]) for density in "ABCD"]
    assert all(low.max() < high.min() for low, high in itertools.pairwise(amounts))


def test_the_muscle_is_a_triangle_inside_the_skin() -> None:
    for breast in breasts("C"):
        muscle = pectoral_depth(breast, HEIGHTS)
        assert (np.diff(muscle) <= 0).all()
        assert (muscle < skin_depth(breast, "MLO", HEIGHTS)).all()
        assert muscle[-1] < 0 < muscle[0]


def test_both_sides_are_alike_but_not_the_same() -> None:
    for breast in breasts("B"):
        other = other_side(breast, np.random.default_rng(1))
        assert other != breast
        assert other.depth == pytest.approx(breast.depth, rel=0.12)
        assert abs(other.glandularity - breast.glandularity) < 0.1


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_lateral_reach_inverts_the_cc_contour(share: float) -> None:
    for breast in breasts("B"):
        depth = share * breast.depth
        edge = np.array([breast.nipple_cc + lateral_reach(breast, depth)])
        assert skin_depth(breast, "CC", edge)[0] == pytest.approx(depth, abs=0.05)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_oblique_span_stays_clear_of_skin_and_muscle(share: float) -> None:
    for breast in breasts("B"):
        depth = share * breast.depth
        top, bottom = oblique_span(breast, depth, margin=5.0)
        span = np.linspace(top, bottom, 50)
        assert top < breast.nipple_mlo < bottom
        assert (skin_depth(breast, "MLO", span) > depth + 4.9).all()
        assert (pectoral_depth(breast, span) < depth - 4.9).all()
