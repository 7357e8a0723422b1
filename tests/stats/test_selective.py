from itertools import pairwise, permutations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, zero_one_loss

from bcdl.stats import RiskCoverage, bootstrap, unsureness


def once(wrong: list[int], uncertainty: list[float], weights: list[int] | None = None) -> dict[str, float]:
    flags = np.asarray(wrong, dtype=np.bool_)
    given = np.ones((1, len(flags))) if weights is None else np.asarray([weights], dtype=np.float64)
    found = RiskCoverage(flags, np.asarray(uncertainty, dtype=np.float64))(given)
    return {name: float(values[0]) for name, values in found.items()}


def brute_area(wrong: list[int]) -> float:
    """The mean risk of the first 1, 2, … samples, as Geifman et al. 2019 define the area."""
    return float(np.mean([np.mean(wrong[:kept]) for kept in range(1, len(wrong) + 1)]))


def test_the_area_is_the_mean_risk_over_keeping_one_more_sample_each_time() -> None:
    wrong = [0, 1, 0, 0, 1, 1, 0, 1]
    found = once(wrong, list(range(8)))
    assert found["aurc"] == pytest.approx(brute_area(wrong))
    assert found["excess_aurc"] == pytest.approx(brute_area(wrong) - brute_area(sorted(wrong)))


def test_the_area_of_a_worked_example() -> None:
    # risks 0, 1/2, 1/3, 1/4: errors come second of four
    assert once([0, 1, 0, 0], [1, 2, 3, 4])["aurc"] == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


@pytest.mark.parametrize("uncertainty", [[0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 2, 2], [0, 0, 1, 1, 1, 1]])
def test_samples_that_tie_count_as_the_mean_over_all_their_orders(uncertainty: list[float]) -> None:
    wrong = [1, 0, 1, 0, 0, 1]
    orders = [
        order
        for order in permutations(range(6))
        if all(uncertainty[a] <= uncertainty[b] for a, b in pairwise(order))
    ]
    areas = [brute_area([wrong[place] for place in order]) for order in orders]
    assert once(wrong, uncertainty)["aurc"] == pytest.approx(np.mean(areas))
    halves = [np.mean([wrong[place] for place in order[:3]]) for order in orders]
    assert once(wrong, uncertainty)["risk@0.5"] == pytest.approx(np.mean(halves))


def test_a_weight_is_so_many_copies_of_a_sample() -> None:
    wrong, uncertainty, weights = [0, 1, 0, 1], [0.1, 0.2, 0.2, 0.9], [2, 0, 3, 1]
    copied = [np.repeat(values, weights).tolist() for values in (wrong, uncertainty)]
    assert once(wrong, uncertainty, weights) == pytest.approx(once(*copied))


def test_risks_are_scikit_learns_on_the_surest_samples() -> None:
    generator = np.random.default_rng(0)
    labels = (generator.random(200) < 0.3).astype(np.int64)
    shares = np.clip(generator.normal(0.35 + 0.3 * labels, 0.2), 0.01, 0.99)
    called = shares >= 0.4
    unsure = unsureness(shares, 0.4)
    found = RiskCoverage(called != labels, unsure, labels == 1)(np.ones((1, 200)))
    for share in (0.25, 0.5, 0.8, 1.0):
        kept = np.argsort(unsure)[: int(share * 200)]
        risk = found[f"risk@{share:g}"][0], found[f"balanced_risk@{share:g}"][0]
        assert risk[0] == pytest.approx(zero_one_loss(labels[kept], called[kept]))
        assert risk[1] == pytest.approx(1 - balanced_accuracy_score(labels[kept], called[kept]))


def test_the_balanced_risk_is_undefined_where_one_class_alone_is_kept() -> None:
    found = RiskCoverage(
        np.array([False, True, True, False]), np.arange(4.0), np.array([False, False, True, True])
    )(np.ones((1, 4)))
    assert np.isnan(found["balanced_risk@0.5"][0])
    assert found["balanced_risk@1"][0] == pytest.approx(0.5)


def test_nothing_wrong_and_everything_wrong_leave_no_excess() -> None:
    assert once([0, 0, 0], [3, 1, 2])["aurc"] == 0
    everything = once([1, 1, 1], [3, 1, 2])
    assert everything["aurc"] == pytest.approx(1)
    assert everything["excess_aurc"] == pytest.approx(0)


def test_a_random_order_has_the_error_rate_as_its_area() -> None:
    generator = np.random.default_rng(0)
    wrong = generator.random(4000) < 0.2
    found = RiskCoverage(wrong, generator.random(4000))(np.ones((1, 4000)))
    assert found["aurc"][0] == pytest.approx(wrong.mean(), abs=0.03)


def test_it_is_drawn_with_patients_as_other_statistics_are() -> None:
    generator = np.random.default_rng(0)
    wrong, unsure = generator.random(60) < 0.3, generator.random(60)
    drawn = bootstrap(RiskCoverage(wrong, unsure), np.arange(60) // 2, draws=200)
    interval = drawn["aurc"].interval()
    assert interval.low < interval.value < interval.high


def test_unsureness_is_nearness_of_the_odds_to_those_of_the_threshold() -> None:
    unsure = unsureness(np.array([0.02, 0.05, 0.1, 0.2, 0.5, 0.0, 1.0]), 0.1)
    assert np.argsort(-unsure, kind="stable").tolist()[0] == 2
    assert unsure[2] == pytest.approx(0)
    assert unsure[3] == pytest.approx(-np.log((0.2 / 0.8) / (0.1 / 0.9)))
    assert np.isfinite(unsure).all()


def test_at_one_half_the_order_is_that_of_the_larger_probability() -> None:
    shares = np.random.default_rng(0).random(50)
    largest = np.maximum(shares, 1 - shares)
    assert np.argsort(unsureness(shares, 0.5)).tolist() == np.argsort(-largest).tolist()
    several = np.random.default_rng(1).dirichlet(np.ones(3), 20)
    np.testing.assert_allclose(unsureness(several, 0.5), 1 - several.max(axis=1))
