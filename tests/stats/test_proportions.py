import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from bcdl.stats import wilson


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (3, 17), (10, 10), (480, 1000)])
def test_wilsons_interval_is_that_of_statsmodels(hits: int, trials: int) -> None:
    interval = wilson(hits, trials)
    expected = proportion_confint(hits, trials, method="wilson")
    assert (interval.low, interval.high) == pytest.approx(expected)
    assert interval.facts()["method"] == "Wilson"


def test_no_trials_have_no_share() -> None:
    assert np.isnan(wilson(0, 0).value)
