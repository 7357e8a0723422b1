import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests

from bcdl.stats import holm, mcnemar


def test_mcnemars_test_is_that_of_statsmodels() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.random(80) < 0.8, generator.random(80) < 0.65
    table = [
        [(first & second).sum(), (first & ~second).sum()],
        [(~first & second).sum(), (~first & ~second).sum()],
    ]
    theirs, ours = their_mcnemar(table, exact=True), mcnemar(first, second)
    assert (ours.statistic, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_readings_that_never_disagree_do_not_differ() -> None:
    right = np.array([True, False, True])
    assert mcnemar(right, right).p_value == 1.0


def test_holms_correction_is_that_of_statsmodels_and_keeps_nan() -> None:
    given = [0.03, 0.001, 0.4, 0.02, 0.9]
    assert holm(given) == pytest.approx(list(multipletests(given, method="holm")[1]))
    corrected = holm([0.02, float("nan"), 0.5])
    assert corrected[0] == pytest.approx(0.04)
    assert np.isnan(corrected[1])
