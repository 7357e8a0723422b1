"""Distances from the training samples, against scikit-learn; and how often ordinary samples are flagged."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

from bcdl.explain.novelty import Novelty

Embeddings = NDArray[np.float32]


def drawn(count: int, seed: int, centre: float = 1.0) -> Embeddings:
    generator = np.random.default_rng(seed)
    return np.asarray(generator.normal(centre, 0.3, (count, 6)), np.float32)


@pytest.fixture
def novelty() -> Novelty:
    return Novelty.of(drawn(500, 0), drawn(400, 1), np.arange(400) // 4, drawn(2000, 2))


def test_the_distance_is_scikit_learns_mahalanobis(novelty: Novelty) -> None:
    query = drawn(300, 3)
    expected = LedoitWolf().fit(drawn(500, 0)).mahalanobis(query) ** 0.5  # scikit-learn squares it
    np.testing.assert_allclose(novelty.distance(query), expected, rtol=1e-4)


def test_fewer_samples_than_features_and_features_that_never_vary_are_no_obstacle() -> None:
    training = np.concatenate([drawn(4, 0), np.zeros((4, 1), np.float32)], axis=1)
    known = Novelty.of(training, training, np.arange(4), training[:0])
    distances = known.distance(np.concatenate([drawn(3, 5) + 9, np.zeros((3, 1), np.float32)], axis=1))
    assert np.isfinite(distances).all()
    assert distances.min() > known.cutoff(0.05)


@pytest.mark.parametrize("false_alarms", [0.01, 0.05, 0.2])
def test_the_wanted_share_is_flagged_in_validation_and_about_as_many_elsewhere(
    false_alarms: float, novelty: Novelty
) -> None:
    assert novelty.validation_rate(false_alarms) <= false_alarms
    assert novelty.validation_rate(false_alarms) > false_alarms - 1 / 400 - 1e-9
    assert novelty.cross_fitted_rate(false_alarms) == pytest.approx(false_alarms, abs=0.015)
    assert novelty.test_alarms(false_alarms) / 2000 == pytest.approx(false_alarms, abs=0.03)


def test_the_cross_fitted_rate_judges_a_patient_by_the_others() -> None:
    """One odd patient sets the cutoff of all; that of the others flags her."""
    odd = np.tile(np.array([[-1, 0, 0, 0, 0, 0]], np.float32), (3, 1))
    patient = np.concatenate([np.arange(25), np.full(3, 25)])
    known = Novelty.of(drawn(100, 0), np.concatenate([drawn(25, 1), odd]), patient, drawn(0, 0))
    assert known.validation_rate(0.1) == 0
    assert known.cross_fitted_rate(0.1) >= 3 / 28


def test_samples_of_another_kind_are_flagged(novelty: Novelty) -> None:
    other = drawn(50, 4, centre=-1.0)
    assert (novelty.distance(other) > novelty.cutoff(0.05)).all()


def test_without_validation_samples_nothing_is_flagged() -> None:
    known = Novelty.of(drawn(20, 0), drawn(0, 1), np.zeros(0, np.int64), drawn(5, 2))
    assert known.cutoff(0.05) == np.inf
    assert np.isnan(known.validation_rate(0.05))
    assert np.isnan(known.cross_fitted_rate(0.05))
    assert known.test_alarms(0.05) == 0
