import numpy as np
import pytest

from bcdl.explain.baselines import brightness
from bcdl.explain.scoring import areas, random_maps, score, summary
from tests.explain.building import build, make_batch

TARGET = 1


def lesion(rows: slice, columns: slice) -> np.ndarray:
    made = np.zeros((32, 16), bool)
    made[rows, columns] = True
    return made


LESION = lesion(slice(8, 12), slice(4, 8))


def maps_at(*places: tuple[int, int, int, int]) -> np.ndarray:
    """Maps (3, 1, 32, 16) of 1 at places (sample, slot, row, column)."""
    made = np.zeros((3, 1, 32, 16), np.float32)
    for place in places:
        made[place] = 1.0
    return made


def test_views_with_a_lesion_are_pointed_at_and_all_views_are_marked() -> None:
    batch, model = make_batch(views=1), build()
    maps = maps_at((0, 0, 9, 5), (1, 0, 30, 1), (2, 0, 3, 3))
    masks = [[[LESION]], [[LESION]], [[]]]
    found = score(model, batch, maps, masks, np.array([0.9, 0.6, 0.2]), target=TARGET)
    assert [row["hit"] for row in found.views] == [True, False]
    assert [row["energy"] for row in found.views] == [1.0, 0.0]
    assert [view.lesion_score.tolist() for view in found.marks] == [[0.9], [-np.inf], []]
    assert [view.false_score.tolist() for view in found.marks] == [[], [0.6], [0.2]]
    assert [row["sample"] for row in found.areas] == [0, 1]


def test_a_mark_s_score_is_its_share_of_the_sample_s_largest_value_times_the_probability() -> None:
    batch, model = make_batch(size=1, views=2), build()
    maps = np.zeros((1, 2, 32, 16), np.float32)
    maps[0, 0, 9, 5], maps[0, 1, 20, 5] = 40.0, 10.0
    found = score(model, batch, maps, [[[], []]], np.array([0.8]), target=TARGET)
    scores = [view.false_score.tolist() for view in found.marks]
    assert scores[0] == pytest.approx([0.8])
    assert scores[1] == pytest.approx([0.2])


def test_scores_found_in_batches_are_those_of_all_samples_at_once() -> None:
    model, batch = build(), make_batch(size=4, views=1)
    maps = random_maps(batch, 0)
    masks = [[[LESION]], [[]], [[LESION]], [[]]]
    shares = np.full(4, 0.5)
    whole = score(model, batch, maps, masks, shares, target=TARGET)
    parts = [
        score(
            model,
            {name: value[rows] for name, value in batch.items()},  # type: ignore[arg-type]
            maps[rows],
            masks[rows],
            shares[rows],
            target=TARGET,
        )
        for rows in (slice(0, 1), slice(1, 4))
    ]
    parts[0].add(parts[1])
    assert parts[0].marked == whole.marked
    first, second = (summary(each, ["a", "b", "c", "d"]) for each in (parts[0], whole))
    assert first == pytest.approx(second, rel=1e-5)


def test_a_summary_has_means_over_views_and_an_interval_over_patients() -> None:
    model, batch = build(), make_batch(views=1)
    maps = maps_at((0, 0, 9, 5), (1, 0, 9, 5), (2, 0, 30, 1))
    found = score(model, batch, maps, [[[LESION]]] * 3, np.full(3, 0.5), target=TARGET)
    means = summary(found, ["a", "b", "c"])
    assert means["hit_rate"] == pytest.approx(2 / 3)
    assert means["hit_rate_low"] == 0.0
    assert means["hit_rate_high"] == 1.0
    assert (means["views"], means["lesions"], means["samples"]) == (3, 3, 3)
    assert summary(found, ["a", "a", "a"])["hit_rate_low"] == pytest.approx(2 / 3)  # one patient: no spread


def test_samples_without_a_lesion_have_no_areas() -> None:
    batch = make_batch(views=1)
    assert areas(build(), batch, random_maps(batch, 0), [[[]]] * 3, TARGET) == []


def test_noise_is_that_of_the_sample_whatever_its_batch() -> None:
    batch = make_batch(views=1)
    alone = {name: value[1:2] for name, value in batch.items()}
    assert (random_maps(batch, 3)[1] == random_maps(alone, 3)[0]).all()  # type: ignore[arg-type]
    assert (random_maps(batch, 3) != random_maps(batch, 4)).any()


def test_brightness_is_the_image_from_its_darkest_value() -> None:
    batch = make_batch(views=1, channels=3)
    found = brightness(build(channels=3), batch, TARGET)
    grey = batch["image"][:, 0].mean(1)
    assert found.amin((1, 2)).tolist() == [0, 0, 0]
    assert (found.flatten(1).argmax(1) == grey.flatten(1).argmax(1)).all()
