"""The free-response ROC against CAMELYON16's evaluation, restated here, and by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from bcdl.stats import Froc, Marks, froc_curve, froc_intervals, sensitivity_at
from bcdl.stats.froc import RATES


def marks(lesions: Sequence[tuple[int, float]], false: Sequence[tuple[int, float]], images: int) -> Marks:
    """Marks of pairs: an image and a score."""
    lesion, wrong = (np.array(pairs, np.float64).reshape(-1, 2) for pairs in (lesions, false))
    return Marks(
        images, lesion[:, 0].astype(np.int64), lesion[:, 1], wrong[:, 0].astype(np.int64), wrong[:, 1]
    )


def camelyon(found: Marks) -> tuple[np.ndarray, np.ndarray]:
    """`computeFROC` of CAMELYON16's `Evaluation_FROC.py`, restated, the lowest threshold included.

    https://camelyon16.grand-challenge.org/Evaluation/: false positives of all images over the number of
    images; of each lesion, the highest probability of a mark in it; at every threshold both are counted anew.
    """
    thresholds = sorted({*found.false_score, *found.lesion_score[found.lesion_score > -np.inf]})
    false = [sum(score >= cut for score in found.false_score) for cut in thresholds]
    true = [sum(score >= cut for score in found.lesion_score) for cut in thresholds]
    return np.array([*false, 0]) / found.images, np.array([*true, 0]) / len(found.lesion_score)


def drawn(seed: int, ties: bool = False) -> Marks:
    generator = np.random.default_rng(seed)
    images, lesions, false = 40, 25, 90
    scores = generator.beta(3, 2, lesions), generator.beta(2, 3, false)
    if ties:
        scores = scores[0].round(1), scores[1].round(1)
    scores[0][generator.random(lesions) < 0.2] = -np.inf
    places = generator.integers(0, images, lesions), generator.integers(0, images, false)
    return Marks(images, places[0], scores[0], places[1], scores[1])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_curve_and_sensitivities_are_those_of_camelyon16(seed: int, ties: bool) -> None:
    found = drawn(seed, ties)
    false_marks, sensitivity = camelyon(found)
    curve = froc_curve(found)
    assert curve.false_marks == pytest.approx(false_marks[::-1])
    assert curve.sensitivity == pytest.approx(sensitivity[::-1])
    for rate in RATES:
        expected = np.interp(rate, false_marks[::-1], sensitivity[::-1])
        assert sensitivity_at(curve, rate) == pytest.approx(expected)


def test_a_lesion_is_found_once_and_false_marks_are_counted_over_all_images() -> None:
    curve = froc_curve(marks([(0, 0.9), (1, 0.4)], [(2, 0.6), (0, 0.6), (3, 0.1)], images=4))
    assert curve.false_marks.tolist() == [0, 0, 0.5, 0.5, 0.75]
    assert curve.sensitivity.tolist() == [0, 0.5, 0.5, 1, 1]
    assert sensitivity_at(curve, 0.25) == 0.5
    assert sensitivity_at(curve, 4.0) == 1.0


def test_without_marks_nothing_is_found_and_without_lesions_nothing_is_defined() -> None:
    nothing = froc_curve(marks([(0, -np.inf)], [], images=2))
    assert (nothing.false_marks.tolist(), nothing.sensitivity.tolist()) == ([0], [0])
    assert np.isnan(froc_curve(marks([], [(0, 0.5)], images=2)).sensitivity).all()


def test_intervals_hold_the_values_and_are_those_of_drawing_patients_one_by_one() -> None:
    found, patients = drawn(0), np.arange(40) // 2
    intervals = froc_intervals(found, patients, draws=400, seed=1)
    curve = froc_curve(found)
    values = [sensitivity_at(curve, rate) for rate in RATES]
    assert [intervals[f"{rate:g}"].value for rate in RATES] == pytest.approx(values)
    assert intervals["mean"].value == pytest.approx(np.mean(values))
    means = [redrawn(found, patients, seed) for seed in range(400)]
    expected = np.percentile(means, [2.5, 97.5])
    assert [intervals["mean"].low, intervals["mean"].high] == pytest.approx(expected, abs=0.03)


def redrawn(found: Marks, patients: np.ndarray, seed: int) -> float:
    """The mean sensitivity of patients drawn with replacement, image by image."""
    chosen = np.random.default_rng(seed).integers(0, patients.max() + 1, patients.max() + 1)
    lesions, false, images = [], [], 0
    for patient in chosen:
        for image in np.flatnonzero(patients == patient):
            lesions += [(images, score) for score in found.lesion_score[found.lesion_image == image]]
            false += [(images, score) for score in found.false_score[found.false_image == image]]
            images += 1
    curve: Froc = froc_curve(marks(lesions, false, images))
    return float(np.mean([sensitivity_at(curve, rate) for rate in RATES]))
