import numpy as np
import pytest
from scipy.special import expit, softmax
from scipy.stats import entropy

from bcdl.stats.disagreement import averaged, judging, mutual_information, spread

TWO = np.array([[2.0, -1.0, 0.5], [0.0, -1.0, 3.0], [1.0, -1.0, -2.0]])  # members by samples
THREE = np.random.default_rng(0).normal(size=(4, 5, 3))


def test_probabilities_are_averaged_and_come_back_as_logits() -> None:
    np.testing.assert_allclose(expit(averaged(TWO)), expit(TWO).mean(axis=0))
    np.testing.assert_allclose(softmax(averaged(THREE), axis=1), softmax(THREE, axis=2).mean(axis=0))


def test_very_sure_members_lose_nothing_to_rounding() -> None:
    found = averaged(np.array([[60.0, -60.0], [50.0, -50.0]]))
    assert np.isfinite(found).all()
    assert found[0] == pytest.approx(-found[1])
    assert 50 < found[0] < 60


def test_the_spread_is_the_standard_deviation_of_the_probabilities() -> None:
    np.testing.assert_allclose(spread(TWO), expit(TWO).std(axis=0))
    as_two_classes = np.stack([np.zeros_like(TWO), TWO], axis=2)
    np.testing.assert_allclose(spread(as_two_classes), spread(TWO))


def test_mutual_information_is_scipys_entropy_of_the_mean_less_the_mean_entropy() -> None:
    shares = softmax(THREE, axis=2)
    expected = entropy(shares.mean(axis=0), axis=1) - entropy(shares, axis=2).mean(axis=0)
    np.testing.assert_allclose(mutual_information(THREE), expected)
    as_two_classes = np.stack([np.zeros_like(TWO), TWO], axis=2)
    np.testing.assert_allclose(mutual_information(as_two_classes), mutual_information(TWO), atol=1e-15)


def test_members_that_agree_do_not_disagree_however_unsure_they_are() -> None:
    alike = np.zeros((3, 2))
    np.testing.assert_allclose(spread(alike), 0)
    np.testing.assert_allclose(mutual_information(alike), 0, atol=1e-15)
    certain = np.array([[900.0], [-900.0]])  # each is sure, of the opposite: one bit
    assert mutual_information(certain)[0] == pytest.approx(np.log(2))


def test_who_has_not_judged_a_sample_counts_nowhere() -> None:
    partly = TWO.copy()
    partly[0, 0], partly[1:, 2] = np.nan, np.nan
    assert judging(partly).tolist() == [2, 3, 1]
    np.testing.assert_allclose(expit(averaged(partly))[0], expit(TWO[1:, 0]).mean())
    np.testing.assert_allclose(averaged(partly)[2], TWO[0, 2])
    assert np.isnan(spread(partly)).tolist() == [False, False, True]
    assert np.isnan(mutual_information(partly)).tolist() == [False, False, True]
    missing = THREE.copy()
    missing[0, 1] = np.nan
    np.testing.assert_allclose(softmax(averaged(missing), axis=1)[1], softmax(THREE[1:, 1], axis=1).mean(0))
