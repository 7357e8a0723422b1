import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from bcdl.data.audit.single_column import auroc, best_score

RNG = np.random.default_rng(0)
TARGET = np.arange(400) % 3 == 0
PATIENTS = pd.Series(np.arange(400).astype(str))


def test_auroc_agrees_with_scikit_learn_ties_included() -> None:
    scores = RNG.integers(0, 6, 400).astype(float) + TARGET
    assert auroc(scores, TARGET) == pytest.approx(roc_auc_score(TARGET, scores))


def test_numbers_leak_in_either_direction() -> None:
    for sign in (1, -1):
        score = best_score(pd.Series(sign * (TARGET + RNG.normal(0, 0.2, 400))), TARGET, PATIENTS)
        assert score is not None
        assert score.reading == "number"
        assert score.auroc > 0.99


def test_numbers_written_as_text_are_numbers() -> None:
    score = best_score(pd.Series(TARGET + RNG.normal(0, 0.2, 400)).astype(str), TARGET, PATIENTS)
    assert score is not None
    assert score.reading == "number"


def test_codes_without_an_order_are_read_as_categories() -> None:
    codes = np.where(TARGET, 5, RNG.choice([1, 9], 400))
    score = best_score(pd.Series(codes), TARGET, PATIENTS)
    assert score is not None
    assert (score.reading, score.auroc) == ("category", 1.0)


def test_missing_cells_can_tell_the_class_whatever_the_values() -> None:
    score = best_score(pd.Series(np.where(TARGET, np.nan, 7.0)), TARGET, PATIENTS)
    assert score is not None
    assert (score.reading, score.auroc) == ("missing", 1.0)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([f"id {number}" for number in range(400)]),
        pd.Series(RNG.integers(0, 150, 400)).astype(str) + "x",
        pd.Series(RNG.normal(size=400)),
        pd.Series(["same"] * 400),
        pd.Series([None] * 400, dtype=object),
        pd.Series(np.full(400, np.inf)),
        pd.Series([[number] for number in range(400)]),
    ],
    ids=["ids", "many values", "noise", "constant", "null", "infinite", "lists"],
)
def test_columns_that_say_nothing_do_not_score(column: pd.Series) -> None:
    assert best_score(column, TARGET, PATIENTS) is None


def test_a_category_known_from_the_same_patient_alone_does_not_score() -> None:
    patients = pd.Series(np.arange(400) // 8).astype(str)
    target = RNG.random(50)[np.arange(400) // 8] < 0.4
    assert best_score("room of " + patients, target, patients) is None


def test_a_handful_of_patients_is_no_evidence() -> None:
    target = np.array([True, True, False, False])
    assert best_score(pd.Series([3.0, 4.0, 1.0, 2.0]), target, pd.Series(list("abcd"))) is None


def test_one_class_gives_no_score() -> None:
    assert best_score(pd.Series(np.arange(400)), np.zeros(400, bool), PATIENTS) is None


def test_dates_are_numbers() -> None:
    days = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(TARGET * 400, unit="D"))
    score = best_score(days, TARGET, PATIENTS)
    assert score is not None
    assert score.auroc == 1.0
