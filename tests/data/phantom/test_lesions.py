"""Lesions lie inside the breast, grow as their kind does, and project consistently into both views."""

from typing import get_args

import numpy as np
import pytest

from bcdl.data.phantom.anatomy import VIEWS, Breast, pectoral_depth, sample_breast, skin_depth
from bcdl.data.phantom.lesions import Kind, Lesion, sample_lesion
from bcdl.data.phantom.projection import Frame, Pose, box, mask, outline, project

FRAME = Frame(256, 128)
STILL = Pose()
KINDS: tuple[Kind, ...] = get_args(Kind)


def pairs(kind: Kind, count: int = 40, one_view_fraction: float = 0.0) -> list[tuple[Breast, Lesion]]:
    drawn = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        breast = sample_breast("ABCD"[seed % 4], rng)
        drawn.append((breast, sample_lesion(kind, breast, 0.5, one_view_fraction, None, rng)))
    return drawn


@pytest.mark.parametrize("kind", KINDS)
def test_centres_lie_under_the_skin_and_off_the_muscle_in_both_views(kind: Kind) -> None:
    for breast, lesion in pairs(kind):
        for view in VIEWS:
            x, y = project(lesion, breast, view, STILL, FRAME).centre * FRAME.spacing
            assert x + 8.0 < skin_depth(breast, view, np.array([y]))[0]
        assert x > pectoral_depth(breast, np.array([y]))[0]


def test_depth_is_common_to_both_views() -> None:
    for breast, lesion in pairs("circumscribed"):
        cc, mlo = (project(lesion, breast, view, STILL, FRAME) for view in VIEWS)
        assert cc.centre[0] == pytest.approx(mlo.centre[0])
        assert cc.radii[0] == pytest.approx(mlo.radii[0])


def test_mlo_height_mixes_lateral_and_upward_position() -> None:
    breast, lesion = pairs("circumscribed", 1)[0]
    _, lateral, above = lesion.centre
    _, y = project(lesion, breast, "MLO", STILL, FRAME).centre * FRAME.spacing
    assert breast.nipple_mlo - y == pytest.approx((lateral + above) / np.sqrt(2.0), abs=1e-3)


def test_positioning_moves_lesions_as_it_moves_the_tissue() -> None:
    breast, lesion = pairs("circumscribed", 1)[0]
    pose = Pose(stretch=1.03, shift=4.0, shear=0.05)
    still = project(lesion, breast, "CC", STILL, FRAME).centre
    moved = project(lesion, breast, "CC", pose, FRAME).centre
    np.testing.assert_allclose(moved, pose.matrix(FRAME) @ [*still, 1.0], rtol=1e-4)


@pytest.mark.parametrize("kind", ["spiculated", "calcifications"])
def test_cancers_shrink_and_fade_towards_the_past(kind: Kind) -> None:
    for breast, lesion in pairs(kind):
        areas = [np.prod(_extent(lesion.before(years), breast)) for years in (0.0, 1.5, 3.0)]
        assert areas[0] > 1.3 * areas[1] > 1.3 * areas[2]
        assert lesion.contrast > lesion.before(1.5).contrast


def test_benign_masses_keep_their_size() -> None:
    for breast, lesion in pairs("circumscribed"):
        ratio = _extent(lesion.before(2.0), breast) / _extent(lesion, breast)
        assert np.abs(ratio - 1.0).max() < 0.15


def test_a_cancer_was_once_too_small_to_be_seen() -> None:
    for _, lesion in pairs("spiculated") + pairs("calcifications"):
        assert lesion.visible
        assert not lesion.before(8.0).visible


def test_contrast_falls_with_difficulty() -> None:
    breast = sample_breast("B", np.random.default_rng(0))
    easy, hard = (
        sample_lesion("spiculated", breast, difficulty, 0.0, None, np.random.default_rng(1)).contrast
        for difficulty in (0.1, 0.9)
    )
    assert easy > 2.0 * hard > 0.0


def test_the_one_view_fraction_governs_how_many_views_show_a_lesion() -> None:
    for fraction, views in ((0.0, 2), (1.0, 1)):
        assert all(
            len(lesion.views) == views for _, lesion in pairs("spiculated", one_view_fraction=fraction)
        )
    assert all(len(lesion.views) == 1 for _, lesion in pairs("summation"))


@pytest.mark.parametrize("kind", KINDS)
def test_right_outlines_mirror_left_ones(kind: Kind) -> None:
    breast, lesion = pairs(kind, 1)[0]
    footprint = project(lesion, breast, "CC", STILL, FRAME)
    left, right = outline(footprint, FRAME, "L"), outline(footprint, FRAME, "R")
    np.testing.assert_allclose(box(right)[0], FRAME.width - box(left)[2])
    overlap = mask(left, FRAME)[:, ::-1] & mask(right, FRAME)
    assert overlap.sum() > 0.9 * mask(left, FRAME).sum()


def _extent(lesion: Lesion, breast: Breast) -> np.ndarray:
    """Return the size (width, height) in pixels of everything drawn, without the outline's margin."""
    points = project(lesion, breast, "CC", STILL, FRAME).points(0.0)
    return points.max(axis=0) - points.min(axis=0)
