from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import yaml

from bcdl.errors import UserError
from bcdl.transforms import Augment

STRONG = Augment(
    **{"rotate": 25, "flip": 0.5, "flip_vertical": 0.5, "scale": 0.2, "translate": 0.1, "elastic": 0.02},
    **{"brightness": 0.1, "contrast": 0.2, "gamma": 0.2, "blur": 0.01, "noise": 0.03, "cutout": 0.2},
)
PRESETS = Path(__file__).parents[2] / "conf" / "augment"


def views(number: int = 4, dtype: type = np.uint8, channels: int = 1) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    shape = (number, 48, 32, channels)
    found = generator.integers(1, np.iinfo(dtype).max, shape).astype(dtype)
    found[:, :, 20:] = 0
    return list(found)


def test_nothing_asked_for_gives_the_very_same_list() -> None:
    given = views()
    assert Augment()(given, seed=1) is given


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_type_and_shape_stay_and_the_originals_are_untouched(dtype: type, channels: int) -> None:
    given = views(dtype=dtype, channels=channels)
    found = STRONG(given, seed=5)
    assert [(view.dtype, view.shape) for view in found] == [(view.dtype, view.shape) for view in given]
    assert all((a == b).all() for a, b in zip(given, views(dtype=dtype, channels=channels), strict=True))
    assert all((a != b).any() for a, b in zip(found, given, strict=True))


def test_the_seed_decides_everything() -> None:
    first, again, other = (STRONG(views(), seed) for seed in (7, 7, 8))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert all((a != b).any() for a, b in zip(first, other, strict=True))


def test_views_move_alike_where_asked_and_apart_otherwise() -> None:
    given = [views(1)[0]] * 3
    moves = {"rotate": 20.0, "scale": 0.2, "translate": 0.1, "flip": 0.5, "elastic": 0.03}
    together = Augment(**moves)(given, seed=3)
    apart = Augment(**moves, same_geometry=False)(given, seed=3)
    assert (together[0] == together[1]).all()
    assert (together[0] == together[2]).all()
    assert (apart[0] != apart[1]).any()


def test_grey_levels_change_view_by_view() -> None:
    first, second = Augment(brightness=0.2, noise=0.05)([views(1)[0]] * 2, seed=3)
    assert (first != second).any()


@pytest.mark.parametrize(("probability", "expected"), [(1.0, True), (0.0, False)])
def test_flip_is_a_probability(probability: float, expected: bool) -> None:
    given = views(1)
    for seed in range(5):
        found = Augment(flip=probability, flip_vertical=1.0)(given, seed)[0][::-1]
        assert (found == (given[0][:, ::-1] if expected else given[0])).all()


def test_draws_cover_their_range_and_no_more() -> None:
    generator = np.random.default_rng(0)
    augment = Augment(rotate=10, scale=0.2, gamma=0.3, blur=0.1)
    drawn = [(augment.draw_geometry(generator), augment.draw_tone(generator)) for _ in range(500)]
    for values, low, high in (
        ([move.angle for move, _ in drawn], -10, 10),
        ([move.scale for move, _ in drawn], 0.8, 1.2),
        ([tone.gamma for _, tone in drawn], 0.7, 1.3),
        ([tone.blur for _, tone in drawn], 0, 0.1),
    ):
        assert low <= min(values) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < max(values) <= high
    assert {move.mirror for move, _ in drawn} == {(False, False)}


def test_zeros_outside_the_image_stay_zeros() -> None:
    empty = [np.zeros((16, 16, 1), dtype=np.uint16)]
    assert not STRONG(empty, seed=2)[0].any()


@pytest.mark.parametrize("arguments", [{"rotate": 200}, {"flip": 1.5}, {"noise": -0.1}])
def test_a_value_out_of_range_is_refused_with_its_key(arguments: dict) -> None:
    with pytest.raises(UserError, match=rf"augment\.{next(iter(arguments))}"):
        Augment(**arguments)


def test_every_argument_is_a_knob_of_the_configuration_and_0_there() -> None:
    knobs = yaml.safe_load((PRESETS / "_shared.yaml").read_text())
    assert knobs.pop("_target_") == "bcdl.transforms.Augment"
    assert knobs == asdict(Augment())
