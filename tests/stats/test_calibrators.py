import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, softmax
from sklearn.isotonic import IsotonicRegression

from bcdl.errors import UserError
from bcdl.stats import Calibrator, fit_calibrator
from bcdl.stats.calibrators import METHODS


def overconfident(n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    true = generator.normal(-0.5, 1.5, n)
    return (generator.random(n) < expit(true)).astype(np.int64), 3 * true


def test_temperature_undoes_a_factor_on_the_logits() -> None:
    labels, logits = overconfident()
    calibrator = fit_calibrator("temperature", labels, logits)
    assert calibrator.parameters[0] == pytest.approx(3, rel=0.06)
    assert calibrator(logits) == pytest.approx(expit(logits / calibrator.parameters[0]))


def test_temperature_is_where_the_likelihoods_slope_is_zero() -> None:
    labels, logits = overconfident()
    scaled = logits / fit_calibrator("temperature", labels, logits).parameters[0]
    assert np.mean((expit(scaled) - labels) * scaled) == pytest.approx(0, abs=1e-4)


def test_temperature_of_several_classes_undoes_a_factor() -> None:
    generator = np.random.default_rng(0)
    true = generator.normal(0, 1.5, (4000, 3))
    labels = np.array([generator.choice(3, p=shares) for shares in softmax(true, axis=1)])
    calibrator = fit_calibrator("temperature", labels, 2 * true)
    assert calibrator.parameters[0] == pytest.approx(2, rel=0.06)
    assert calibrator(2 * true).sum(axis=1) == pytest.approx(np.ones(4000))


def test_platt_is_the_logistic_regression_of_statsmodels() -> None:
    labels, logits = overconfident()
    theirs = sm.Logit(labels, sm.add_constant(logits)).fit(disp=0).params
    slope, intercept = fit_calibrator("platt", labels, logits).parameters
    assert (intercept, slope) == pytest.approx(tuple(theirs), rel=1e-3)


def test_isotonic_is_scikit_learns_and_beyond_its_ends_flat() -> None:
    labels, logits = overconfident()
    theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(logits, labels)
    new = np.linspace(-20, 20, 500)
    assert fit_calibrator("isotonic", labels, logits)(new) == pytest.approx(theirs.predict(new))


@pytest.mark.parametrize("method", METHODS)
def test_a_calibrator_outlives_its_process(method: str) -> None:
    labels, logits = overconfident(200)
    calibrator = fit_calibrator(method, labels, logits)
    again = Calibrator.from_json(calibrator.to_json())
    assert (again(logits) == calibrator(logits)).all()


@pytest.mark.parametrize("method", METHODS)
def test_one_class_calibrates_nothing(method: str) -> None:
    assert fit_calibrator(method, np.zeros(5, dtype=np.int64), np.arange(5.0)) == Calibrator()


def test_what_does_not_calibrate_is_refused() -> None:
    labels, logits = overconfident(50)
    with pytest.raises(UserError, match=r"one of none, temperature, platt, isotonic, found 'plat'.*platt"):
        fit_calibrator("plat", labels, logits)
    with pytest.raises(UserError, match="two classes, and there are 3"):
        fit_calibrator("isotonic", np.array([0, 1, 2]), np.zeros((3, 3)))
