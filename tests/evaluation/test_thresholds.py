from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from bcdl.errors import UserError
from bcdl.evaluation import check_threshold, fitted_youden, resolve_threshold


def validation(labels: list[int | None], probabilities: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"label": pd.array(labels, dtype="Int64"), "probability": probabilities})


def test_a_number_is_taken_as_it_is() -> None:
    assert resolve_threshold(0.3, validation([0, 1], [0.1, 0.9])) == 0.3


def test_youden_parts_the_validation_samples_best() -> None:
    table = validation([0, 0, 1, 1, None], [0.05, 0.1, 0.2, 0.9, 0.15])
    assert resolve_threshold("youden", table) == pytest.approx(0.15)


def test_one_class_falls_back_to_one_half_with_a_warning() -> None:
    with pytest.warns(UndefinedMetricWarning, match="needs both classes among the validation samples"):
        assert resolve_threshold("youden", validation([0, 0], [0.1, 0.2])) == 0.5


def test_several_classes_need_no_threshold() -> None:
    table = pd.DataFrame(np.full((3, 3), 1 / 3), columns=["probability_0", "probability_1", "probability_2"])
    assert resolve_threshold("youden", table.assign(label=[0, 1, 2])) == 0.5


@pytest.mark.parametrize("value", ["yuden", 1.5, -0.1, None])
def test_other_settings_are_refused(value: Any) -> None:
    with pytest.raises(UserError, match=r"expected evaluate\.threshold to be youden or a number from 0 to 1"):
        check_threshold(value)


def test_a_misspelt_setting_gets_a_hint() -> None:
    with pytest.raises(UserError, match="Did you mean 'youden'"):
        check_threshold("yuden")


def test_youden_s_threshold_is_none_where_validation_does_not_define_one() -> None:
    table = validation([0, 1, 1], [0.1, 0.8, 0.9])
    assert fitted_youden(table) == pytest.approx(0.45)
    assert fitted_youden(table.assign(label=1)) is None
    several = table.drop(columns="probability").assign(
        probability_0=0.2, probability_1=0.3, probability_2=0.5
    )
    assert fitted_youden(several) is None
