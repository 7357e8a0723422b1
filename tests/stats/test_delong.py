import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bcdl.metrics.weighted import WeightedMetrics
from bcdl.stats import auroc_interval, auroc_test
from bcdl.stats.delong import areas
from bcdl.stats.resampling import bootstrap


def scores(n: int, seed: int = 0, gain: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = (generator.random(n) < 0.4).astype(np.int64)
    shared = generator.normal(size=n)
    first = np.round(labels * gain + shared + generator.normal(size=n), 1)  # rounding makes ties
    second = np.round(labels * gain / 2 + shared + generator.normal(size=n), 1)
    return labels, first, second


def by_the_definition(labels: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong, DeLong and Clarke-Pearson 1988, equations 3 to 6, pair by pair."""
    positives, negatives = given[:, labels == 1], given[:, labels == 0]
    pairs = (positives[:, :, None] > negatives[:, None, :]) + 0.5 * (
        positives[:, :, None] == negatives[:, None, :]
    )
    v10, v01 = pairs.mean(axis=2), pairs.mean(axis=1)
    covariance = np.cov(v10) / positives.shape[1] + np.cov(v01) / negatives.shape[1]
    return pairs.mean(axis=(1, 2)), covariance


def test_areas_and_covariance_are_those_of_the_definition_with_ties() -> None:
    labels, first, second = scores(120)
    given = np.stack([first, second])
    found, (values, covariance) = areas(labels, given), by_the_definition(labels, given)
    assert found.values == pytest.approx(values)
    assert found.values[0] == pytest.approx(roc_auc_score(labels, first))
    assert found.covariance == pytest.approx(covariance)


def test_delongs_interval_of_perfect_scores_is_cut_off_at_one() -> None:
    labels = np.repeat([0, 1], 10)
    interval = auroc_interval(labels, labels.astype(float))
    assert (interval.value, interval.low, interval.high) == (1.0, 1.0, 1.0)
    assert auroc_interval(*scores(30, gain=3)[:2]).high <= 1.0


def test_patients_in_any_order_of_codes_with_one_sample_each_change_nothing() -> None:
    labels, first, _ = scores(80)
    codes = np.random.default_rng(1).permutation(80) + 500
    assert auroc_interval(labels, first, codes) == auroc_interval(labels, first)


def test_the_clustered_error_is_that_of_a_bootstrap_over_patients() -> None:
    generator = np.random.default_rng(3)
    patients = np.repeat(np.arange(200), 4)
    cancer = (generator.random(200) < 0.4)[patients]
    labels = (cancer & (generator.random(800) < 0.8)).astype(np.int64)  # patients hold both classes
    probabilities = 1 / (1 + np.exp(-(labels + generator.normal(size=200)[patients])))
    clustered = auroc_interval(labels, probabilities, patients)
    drawn = bootstrap(WeightedMetrics(labels, probabilities), patients, draws=2000)["auroc"]
    error = (clustered.high - clustered.low) / (2 * 1.959964)
    assert error == pytest.approx(float(np.std(drawn.draws)), rel=0.08)
    unclustered = auroc_interval(labels, probabilities)
    assert unclustered.high - unclustered.low < 0.8 * (clustered.high - clustered.low)
    assert "Obuchowski" in clustered.method


def test_the_paired_test_has_its_level_under_no_difference_and_sees_a_large_one() -> None:
    rejected = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        labels = np.repeat([0, 1], 60)
        shared = labels + generator.normal(size=120)
        first, second = (shared + generator.normal(size=120) for _ in range(2))
        rejected += auroc_test(labels, first, second).p_value < 0.05
    assert 5 <= rejected <= 27  # 15 expected; 99.9 % of binomial(300, 0.05) lies within
    assert auroc_test(*scores(2000)).p_value < 1e-6


def test_equal_scores_do_not_differ_and_one_class_has_no_test() -> None:
    labels, first, _ = scores(50)
    same = auroc_test(labels, first, first)
    assert (same.p_value, same.difference.value if same.difference else None) == (1.0, 0.0)
    assert np.isnan(auroc_test(np.ones(5, dtype=np.int64), first[:5], first[:5]).p_value)


def test_five_samples_give_an_interval_or_nan_and_no_error() -> None:
    interval = auroc_interval(np.array([0, 0, 0, 0, 1]), np.array([0.1, 0.2, 0.3, 0.9, 0.8]))
    assert interval.value == 0.75
    assert np.isnan(interval.low)  # one positive tells nothing of how positives vary
