import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from bcdl.stats import CalibrationError, brier_parts, reliability
from bcdl.stats.calibration import equal_mass_bins


def sample(n: int = 1000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.random(n)
    return (generator.random(n) < truth).astype(np.int64), truth**1.5


def test_the_reliability_diagram_is_scikit_learns() -> None:
    labels, probabilities = sample()
    table = reliability(labels, probabilities)
    observed, predicted = calibration_curve(labels, probabilities, n_bins=10, strategy="quantile")
    assert table["observed"].to_numpy() == pytest.approx(observed)
    assert table["predicted"].to_numpy() == pytest.approx(predicted)
    assert table["samples"].tolist() == [100] * 10
    assert ((table["low"] < table["observed"]) & (table["observed"] < table["high"])).all()


def test_the_calibration_error_is_the_mean_gap_of_that_diagram() -> None:
    labels, probabilities = sample()
    observed, predicted = calibration_curve(labels, probabilities, n_bins=10, strategy="quantile")
    found = CalibrationError(labels, probabilities)(np.ones((1, 1000)))["ece"]
    assert found[0] == pytest.approx(np.abs(observed - predicted).mean())  # bins of equal mass


def test_equal_probabilities_share_a_bin() -> None:
    probabilities = np.repeat([0.1, 0.5, 0.9], [50, 3, 7])
    codes = equal_mass_bins(probabilities)
    assert all(len(np.unique(codes[probabilities == value])) == 1 for value in (0.1, 0.5, 0.9))
    assert codes[0] != codes[-1]
    assert equal_mass_bins(np.full(9, 0.4)).tolist() == [0] * 9


def test_the_parts_of_the_brier_score_add_up_to_scikit_learns() -> None:
    labels, probabilities = sample()
    parts = brier_parts(labels, probabilities)
    total = parts.miscalibration - parts.discrimination + parts.uncertainty
    assert total == pytest.approx(metrics.brier_score_loss(labels, probabilities))
    assert parts.uncertainty == pytest.approx(labels.mean() * (1 - labels.mean()))
    assert min(parts.miscalibration, parts.discrimination) > 0


def test_the_prevalence_alone_is_calibrated_and_discriminates_nothing() -> None:
    labels, _ = sample()
    parts = brier_parts(labels, np.full(1000, labels.mean()))
    assert (parts.miscalibration, parts.discrimination) == pytest.approx((0, 0))
