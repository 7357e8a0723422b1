from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd
import pytest

from bcdl.evaluation.sweep.importance import importance_gap, importances, key_names
from bcdl.evaluation.sweep.results import Results

AUROC = "best/val/auroc"
Trials = Callable[..., pd.DataFrame]


def shares(table: pd.DataFrame) -> dict[str, float]:
    found = importances(Results(table, [AUROC], [False]))
    return dict(zip(found["key"], found[AUROC], strict=True))


def test_the_shares_are_those_of_an_analysis_of_variance(trials_of: Trials) -> None:
    # a full grid of two words each, many times: value = 3 a + b, so var(3a) / var(3a + b) = 9 / 10
    points = [*product([0, 1], [0, 1])] * 25
    words = {key: [f"w{point[place]}" for point in points] for place, key in enumerate("ab")}
    found = shares(trials_of([3.0 * a + b for a, b in points], **words))
    assert found == {"a": pytest.approx(0.9, abs=0.03), "b": pytest.approx(0.1, abs=0.03)}
    assert list(found) == ["a", "b"]


def test_steps_over_decades_are_factors(trials_of: Trials) -> None:
    # linear in the logarithm: on a linear axis nine tenths of it would be one plateau
    rates, other = [10.0 ** -(n % 5) for n in range(50)], [float(n % 7) for n in range(50)]
    table = trials_of([np.log10(rate) for rate in rates], lr=rates, other=other)
    assert shares(table)["lr"] > 0.9


def test_a_key_of_some_trials_is_judged_among_these(trials_of: Trials) -> None:
    models, other = ["cnn", "cnn_rnn"] * 20, [float(n // 4 % 2) for n in range(40)]
    hidden = [np.nan if n % 2 == 0 else float(n % 4) for n in range(40)]  # 1 or 3
    values = [0.5 if np.isnan(size) else 0.5 + size / 10 for size in hidden]
    table = trials_of(values, model=models, hidden=hidden, other=other)
    found = importances(Results(table, [AUROC], [False])).set_index("key")
    assert found["trials"].to_dict() == {"hidden": 20, "model": 40, "other": 40}
    assert found[AUROC]["hidden"] == pytest.approx(1, abs=0.05)
    assert found[AUROC]["other"] == pytest.approx(0, abs=0.05)


def test_a_key_beside_which_none_varies_is_not_judged(trials_of: Trials) -> None:
    chance = np.random.default_rng(0)
    models, rates = ["cnn", "cnn_rnn", "cnn_rnn"] * 6, [*chance.random(18)]
    hidden = [
        np.nan if model == "cnn" else size for model, size in zip(models, chance.random(18), strict=True)
    ]
    noise = [*chance.random(18)]
    results = Results(trials_of(noise, model=models, hidden=hidden), [AUROC], [False])
    assert importances(results)[AUROC].isna().all()
    assert "two keys that vary in the same 4 trials" in str(importance_gap(results))
    some = trials_of(noise, model=models, hidden=hidden, rate=rates)
    some.loc[some["params.model"] == "cnn_rnn", "params.rate"] = np.nan
    two = Results(some.assign(**{"params.size": [1.0, 2.0] * 9}), [AUROC], [False])
    assert importances(two)[AUROC].notna().all()
    assert importance_gap(two) is None


def test_names_say_which_keys_are_not_judged_however_long() -> None:
    found = pd.DataFrame({"key": ["a", "b" * 80], "trials": [9, 6], AUROC: [0.5, np.nan]})
    first, second = key_names(found, 9)
    assert first == "a"
    assert second.startswith("bbb")
    assert second.endswith("… (6 trials, not judged)")


def test_a_key_of_too_few_trials_has_no_share(trials_of: Trials) -> None:
    table = trials_of(
        [0.1, 0.2, 0.3, 0.4, 0.5], a=["x", "y", "x", "y", "x"], b=[1.0, 2.0, np.nan, np.nan, np.nan]
    )
    assert np.isnan(shares(table)["b"])


def test_the_same_table_gives_the_same_shares(trials_of: Trials) -> None:
    chance = np.random.default_rng(0)
    table = trials_of([*chance.random(12)], a=[*chance.random(12)], b=[*chance.random(12)])
    assert shares(table) == shares(table)


@pytest.mark.parametrize(
    ("values", "keys", "why"),
    [
        ([0.1, 0.2, 0.3], {"a": [1, 2, 3], "b": [1, 2, 3]}, "4 finished trials, there are 3"),
        ([0.1, 0.2, 0.3, 0.4], {"a": [1, 2, 3, 4], "b": [1, 1, 1, 1]}, "two keys"),
        ([0.1] * 4, {"a": [1, 2, 3, 4], "b": [1, 2, 1, 2]}, "is the same"),
    ],
)
def test_what_it_rests_on_must_be_there(
    trials_of: Trials, values: list[float], keys: dict[str, list[object]], why: str
) -> None:
    assert why in str(importance_gap(Results(trials_of(values, **keys), [AUROC], [False])))
