from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bcdl.evaluation.sweep.results import Results, value_text

AUROC = "best/val/auroc"
Trials = Callable[..., pd.DataFrame]


@pytest.mark.parametrize(("lower", "order"), [(False, [1, 2, 0]), (True, [0, 2, 1])])
def test_the_best_is_first_whichever_way_is_better(trials_of: Trials, lower: bool, order: list[int]) -> None:
    assert Results(trials_of([0.5, 0.9, 0.7]), [AUROC], [lower]).ranked["trial"].tolist() == order


def test_only_finished_trials_with_a_value_are_ranked(trials_of: Trials) -> None:
    table = trials_of([0.5, 0.9, np.nan], state=["finished", "pruned", "finished"])
    assert Results(table, [AUROC], [False]).ranked["trial"].tolist() == [0]


def test_a_key_that_some_trials_lack_varies_and_an_equal_one_does_not(trials_of: Trials) -> None:
    results = Results(trials_of([0.5, 0.6], a=[1.0, np.nan], b=["x", "x"]), [AUROC], [False])
    assert results.keys == ["a", "b"]
    assert results.varied == ["a"]


def test_settings_take_the_last_part_of_a_key_unless_two_keys_share_it(trials_of: Trials) -> None:
    table = trials_of([0.5], **{"optimizer.lr": [1e-5], "head.size": [8], "model.size": [16]})
    results = Results(table, [AUROC], [False])
    assert results.settings(table.iloc[0]) == "lr=1e-5, head.size=8, model.size=16"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((3e-05, "3e-5"), (0.001, "0.001"), (0.123456, "0.1235"), (1e20, "1e20"), ("cnn", "cnn")),
        *(
            (64.0, "64"),
            (np.int64(7), "7"),
            (16384, "16384"),
            (16384.0, "16384"),
            (-4294967295.0, "-4294967295"),
        ),
        *((True, "True"), (float("nan"), "nan"), (float("inf"), "inf")),
    ],
)
def test_values_are_short_and_whole_numbers_whole(value: object, text: str) -> None:
    assert value_text(value) == text
