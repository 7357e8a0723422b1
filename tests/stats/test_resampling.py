import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from bcdl.metrics import classification_metrics
from bcdl.metrics.weighted import WeightedMetrics
from bcdl.scores import METRICS
from bcdl.stats import bootstrap, together
from bcdl.stats.resampling import weightings
from bcdl.stats.screening import ProbabilisticF1


def sample(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    patients = np.sort(generator.integers(0, n // 2, n))
    labels = (generator.random(n) < 0.3).astype(np.int64)
    return labels, np.round(np.clip(generator.normal(0.35 + 0.2 * labels, 0.2), 0, 1), 2), patients


def test_every_draw_holds_each_patient_whole_and_as_many_patients_as_there_are() -> None:
    patients = np.array([7, 7, 7, 2, 5, 5])
    codes = np.unique(patients, return_inverse=True)[1]
    drawn = np.concatenate(list(weightings(codes, 200, seed=0)))
    assert drawn.shape == (200, 6)
    assert (drawn[:, [0]] == drawn[:, :3]).all()
    assert (drawn[:, 4] == drawn[:, 5]).all()
    assert (drawn[:, [0, 3, 4]].sum(axis=1) == 3).all()


@pytest.mark.parametrize("classes", [2, 4])
def test_a_draw_has_the_metrics_of_the_samples_written_out(classes: int) -> None:
    generator = np.random.default_rng(1)
    labels = generator.integers(0, classes, 90)
    odds = np.round(generator.random((90, classes)) + np.eye(classes)[labels], 1)
    shares = odds / odds.sum(axis=1, keepdims=True)
    given = shares[:, 1] if classes == 2 else shares
    weights = generator.integers(0, 3, (5, 90))
    found = WeightedMetrics(labels, given, 0.4)(weights.astype(float))
    for draw in range(5):
        rows = np.repeat(np.arange(90), weights[draw])
        expected = classification_metrics(labels[rows], given[rows], 0.4)
        assert {name: found[name][draw] for name in METRICS} == pytest.approx(expected)
        if classes == 2:
            assert found["auroc"][draw] == pytest.approx(metrics.roc_auc_score(labels[rows], given[rows]))


def test_the_interval_of_a_mean_is_that_of_scipys_bootstrap() -> None:
    labels, probabilities, _ = sample(400)
    own = bootstrap(WeightedMetrics(labels, probabilities), np.arange(400), draws=4000)["brier"].interval()
    errors = (probabilities - labels) ** 2
    theirs = stats.bootstrap((errors,), np.mean, n_resamples=4000, method="percentile", rng=0)
    assert own.value == pytest.approx(errors.mean())
    assert own.low == pytest.approx(theirs.confidence_interval.low, rel=0.02)
    assert own.high == pytest.approx(theirs.confidence_interval.high, rel=0.02)


def test_repeated_samples_of_a_patient_add_nothing() -> None:
    labels, probabilities, _ = sample(100)
    once = bootstrap(WeightedMetrics(labels, probabilities), np.arange(100), draws=300)["auroc"]
    patients = np.tile(np.arange(100), 3)
    thrice = bootstrap(WeightedMetrics(np.tile(labels, 3), np.tile(probabilities, 3)), patients, draws=300)[
        "auroc"
    ]
    assert thrice.interval().low == pytest.approx(once.interval().low)
    assert thrice.interval().high == pytest.approx(once.interval().high)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    covered = 0
    truth = stats.norm.cdf(1 / np.sqrt(2))  # AUROC of two normal classes one standard deviation apart
    for seed in range(200):
        generator = np.random.default_rng(seed)
        labels = np.repeat([0, 1], 60)
        scores = stats.norm.cdf(generator.normal(labels, 1.0) / 2)
        found = bootstrap(WeightedMetrics(labels, scores), np.arange(120), draws=300, seed=seed)[
            "auroc"
        ].interval()
        covered += found.low <= truth <= found.high
    assert 179 <= covered <= 199  # 190 expected


def test_the_same_seed_gives_the_same_draws_in_any_company() -> None:
    labels, probabilities, patients = sample()
    alone = bootstrap(WeightedMetrics(labels, probabilities), patients, draws=150)
    both = together(WeightedMetrics(labels, probabilities), ProbabilisticF1(labels, probabilities))
    joined = bootstrap(both, patients, draws=150)
    assert (alone["mcc"].draws == joined["mcc"].draws).all()
    assert "pf1" in joined


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    labels, probabilities, patients = sample()
    better = np.clip(probabilities + 0.05 * labels, 0, 1)
    first, second = (
        bootstrap(WeightedMetrics(labels, given), patients)["auroc"] for given in (better, probabilities)
    )
    test = first.minus(second)
    assert test.difference is not None
    assert test.difference.value == pytest.approx(first.value - second.value)
    assert test.p_value < 0.01
    assert test.difference.high - test.difference.low < first.interval().high - first.interval().low
    assert first.minus(first).p_value == 1.0


def test_what_most_draws_leave_undefined_has_a_value_and_no_ends() -> None:
    labels, probabilities = np.array([0, 0, 0, 0, 1]), np.array([0.1, 0.2, 0.3, 0.9, 0.8])
    interval = bootstrap(WeightedMetrics(labels, probabilities), np.array([0, 0, 0, 0, 1]), draws=100)[
        "auroc"
    ].interval()
    assert interval.value == 0.75
    assert np.isnan([interval.low, interval.high]).all()
