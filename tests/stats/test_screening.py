import numpy as np
import pytest
from sklearn import metrics

from bcdl.stats import NetBenefit, Operating, ProbabilisticF1, bootstrap


def sample(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = (generator.random(n) < 0.2).astype(np.int64)
    return labels, np.round(np.clip(generator.normal(0.3 + 0.3 * labels, 0.2), 0.01, 0.99), 2)


def once(statistic: object, n: int) -> dict[str, float]:
    return {name: float(values[0]) for name, values in statistic(np.ones((1, n))).items()}  # type: ignore[operator]


def rsna_pf1(labels: np.ndarray, predictions: np.ndarray) -> float:
    """RSNA's own code, with beta = 1: kaggle.com/code/sohier/probabilistic-f-score."""
    y_true_count, ctp, cfp = 0, 0.0, 0.0
    for label, prediction in zip(labels, predictions, strict=True):
        if label:
            y_true_count += 1
            ctp += prediction
        else:
            cfp += prediction
    precision, recall = ctp / (ctp + cfp), ctp / y_true_count
    return 2 * precision * recall / (precision + recall) if precision > 0 and recall > 0 else 0.0


def test_pf1_is_rsnas() -> None:
    labels, probabilities = sample()
    assert once(ProbabilisticF1(labels, probabilities), 400)["pf1"] == pytest.approx(
        rsna_pf1(labels, probabilities)
    )


def test_an_operating_point_has_scikit_learns_rates() -> None:
    labels, probabilities = sample()
    called = probabilities >= 0.4
    found = once(Operating(labels, probabilities, 0.4), 400)
    assert found == pytest.approx(
        {
            "sensitivity": metrics.recall_score(labels, called),
            "specificity": metrics.recall_score(labels, called, pos_label=0),
            "ppv": metrics.precision_score(labels, called),
            "npv": metrics.precision_score(labels, called, pos_label=0),
            "recall_rate": called.mean(),
            "cancers_per_1000": 1000 * (called & (labels == 1)).mean(),
        }
    )


def test_at_a_prevalence_the_values_are_those_of_a_population_that_has_it() -> None:
    labels, probabilities = sample()
    repeats = np.where(labels == 1, 1, 35)  # a population with fewer cancers among the same readings
    population = np.repeat(labels, repeats), np.repeat(probabilities, repeats)
    prevalence = float(population[0].mean())
    restated = once(Operating(labels, probabilities, 0.4, prevalence), 400)
    assert restated == pytest.approx(once(Operating(*population, 0.4), len(population[0])))


def test_nobody_called_back_leaves_the_ppv_undefined_alone() -> None:
    labels, probabilities = sample()
    found = once(Operating(labels, probabilities, 1.0), 400)
    assert np.isnan(found.pop("ppv"))
    assert found["recall_rate"] == 0.0
    assert not np.isnan(list(found.values())).any()


def test_net_benefit_is_that_of_a_worked_table() -> None:
    # 100 men, 20 with cancer; called at 10 %: 18 with and 30 without. Vickers and Elkin 2006:
    # net benefit = true / n - false / n * p / (1 - p)
    labels = np.repeat([1, 1, 0, 0], [18, 2, 30, 50])
    probabilities = np.repeat([0.5, 0.05, 0.5, 0.05], [18, 2, 30, 50])
    found = once(NetBenefit(labels, probabilities, (0.1,)), 100)
    assert found["model@0.1"] == pytest.approx(0.18 - 0.30 / 9)
    assert found["all@0.1"] == pytest.approx(0.20 - 0.80 / 9)


def test_screening_statistics_have_intervals() -> None:
    labels, probabilities = sample()
    drawn = bootstrap(ProbabilisticF1(labels, probabilities), np.arange(400), draws=200)["pf1"].interval()
    assert 0 < drawn.low < drawn.value < drawn.high < 1
