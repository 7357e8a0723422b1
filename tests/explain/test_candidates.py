import numpy as np
import pytest

from bcdl.explain.candidates import MarkedView, candidates, marked, marks_of


def peaks(*places: tuple[int, int, float]) -> np.ndarray:
    made = np.zeros((32, 16), np.float32)
    for row, column, value in places:
        made[row, column] = value
    return made


def square(top: int, left: int, side: int = 3) -> np.ndarray:
    made = np.zeros((32, 16), bool)
    made[top : top + side, left : left + side] = True
    return made


def test_maxima_come_by_height_and_none_closer_than_the_distance() -> None:
    found = candidates(peaks((4, 4, 0.5), (4, 7, 0.9), (20, 8, 0.7), (23, 8, 0.6)), distance=4)
    assert found.place.tolist() == [[4, 7], [20, 8]]
    assert found.value == pytest.approx([0.9, 0.7])
    assert len(candidates(peaks((4, 4, 0.5), (4, 7, 0.9)), distance=3).place) == 2


def test_slopes_and_values_that_are_not_above_0_mark_nothing() -> None:
    slope = np.tile(np.arange(16, dtype=np.float32), (32, 1))
    assert candidates(slope, distance=40).place.tolist() == [[0, 15]]
    assert not len(candidates(np.zeros((32, 16), np.float32)).place)
    assert not len(candidates(-peaks((4, 4, 1.0))).place)


def test_at_most_so_many_are_taken() -> None:
    noise = np.random.default_rng(0).random((32, 16), np.float32)
    assert len(candidates(noise, distance=1, most=3).place) == 3


def test_the_best_mark_in_a_lesion_finds_it_and_marks_in_none_are_false() -> None:
    found = candidates(peaks((4, 4, 0.5), (6, 4, 0.9), (20, 8, 0.7)), distance=1)
    view = marked(found, found.value, [square(4, 3), square(28, 1)])
    assert view.lesion_score == pytest.approx([0.9, -np.inf])
    assert view.false_score == pytest.approx([0.7])


def test_a_mark_beside_a_lesion_hits_within_the_tolerance() -> None:
    found = candidates(peaks((10, 10, 1.0)))
    lesion = [square(6, 9)]
    assert marked(found, found.value, lesion, tolerance=1).lesion_score == -np.inf
    assert marked(found, found.value, lesion, tolerance=2).lesion_score == 1.0


def test_views_without_lesions_or_marks_count_as_images() -> None:
    nothing = candidates(np.zeros((32, 16), np.float32))
    empty = marked(nothing, nothing.value, [])
    hit = MarkedView(np.array([0.8, -np.inf]), np.array([0.3]))
    joined = marks_of([empty, hit, empty])
    assert joined.images == 3
    assert joined.lesion_image.tolist() == [1, 1]
    assert joined.false_image.tolist() == [1]
