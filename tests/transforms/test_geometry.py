import numpy as np
import pytest

from bcdl.transforms.geometry import ELASTIC_NODES, Geometry


def image(height: int = 9, width: int = 7, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, channels), dtype=np.float32) + 1


def test_no_movement_leaves_every_pixel() -> None:
    assert (Geometry().apply(image()) == image()).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_mirrors_are_exact(channels: int) -> None:
    original = image(channels=channels)
    assert Geometry(mirror=(True, False)).apply(original) == pytest.approx(original[:, ::-1], abs=1e-6)
    assert Geometry(mirror=(False, True)).apply(original) == pytest.approx(original[::-1], abs=1e-6)


def test_a_quarter_turn_is_counter_clockwise() -> None:
    original = image(9, 9)
    assert Geometry(angle=90).apply(original) == pytest.approx(np.rot90(original), abs=1e-5)


def test_a_shift_moves_right_and_down_and_fills_with_0() -> None:
    original = image(8, 4)
    moved = Geometry(shift=(0.25, 0.125)).apply(original)
    assert moved[1:, 1:] == pytest.approx(original[:-1, :-1], abs=1e-6)
    assert not moved[0].any()
    assert not moved[:, 0].any()


def test_scale_enlarges_about_the_centre() -> None:
    original = np.zeros((21, 21, 1), dtype=np.float32)
    original[8:13, 8:13] = 1
    assert Geometry(scale=2).apply(original).sum() == pytest.approx(4 * original.sum(), rel=0.05)
    assert Geometry(scale=2).apply(original)[10, 10] == 1


def test_bending_moves_pixels_by_shares_of_the_shorter_side() -> None:
    original = image(40, 20)
    nodes = np.zeros((ELASTIC_NODES, ELASTIC_NODES, 2), dtype=np.float32)
    assert Geometry(bend=nodes).apply(original) == pytest.approx(original)
    nodes[..., 0] = 0.1
    assert Geometry(bend=nodes).apply(original)[:, :-2] == pytest.approx(original[:, 2:], abs=1e-5)
