"""The tables of samples and patients, on numbers worked out by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bcdl.evaluation import Rule
from bcdl.prediction.rules import Rules
from bcdl.prediction.tables import patient_table, sample_table
from bcdl.serving.facts import Facts
from bcdl.stats import Calibrator

CALIBRATOR = Calibrator("platt", (2.0, -1.0))


def facts(classes: tuple[str, ...] = ("benign", "malignant")) -> Facts:
    return Facts(
        "set", classes, (8, 8), 1, "uint8", {}, "breast", None, "first", "skip", 4, (), 0.5, CALIBRATOR
    )


def samples(count: int) -> pd.DataFrame:
    numbers = range(count)
    return pd.DataFrame(
        {
            "sample_id": [f"s{number}" for number in numbers],
            "patient_id": [f"p{number // 2}" for number in numbers],
            "exam_id": "e",
            "laterality": ["L", "R"] * (count // 2),
            "images": 1,
            "views": "L-CC",
            "refused": [number == 3 for number in numbers],
            "problems": ["L-CC: broken" if number == 3 else "" for number in numbers],
            "error": ["none of its images can be used" if number == 3 else "" for number in numbers],
        }
    )


def made(rules: Rules, logits: Any, known: Facts | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = samples(len(logits))
    distance = np.where(np.isnan(logits).reshape(len(logits), -1).any(1), np.nan, np.arange(len(logits)) / 10)
    found = sample_table(table, np.array(logits, np.float32), rules, known or facts(), distance, 0.15)
    return found, patient_table(found, rules, known or facts())


def test_samples_and_patients_are_calibrated_joined_and_decided() -> None:
    rules = Rules(CALIBRATOR, 0.6, Rule("max"), 0.7, "somewhere")
    found, patients = made(rules, [0.5, 1.0, 0.0, np.nan])
    expected = 1 / (1 + np.exp(-(2 * np.array([0.5, 1.0, 0.0]) - 1)))
    np.testing.assert_allclose(found["probability"][:3], expected)
    assert found["decision"].fillna("-").tolist() == ["benign", "malignant", "benign", "-"]
    assert found["far_from_training"].tolist()[:3] == [False, False, True]
    assert found["far_from_training"].isna().tolist() == [False, False, False, True]
    assert found["quality"].tolist() == ["pass", "pass", "pass", "fail"]
    np.testing.assert_allclose(patients["probability"], [expected[1], expected[2]])
    assert patients["decision"].tolist() == ["malignant", "benign"]
    assert patients["threshold"].tolist() == [0.7, 0.7]
    assert patients[["samples", "without"]].to_numpy().tolist() == [[2, 0], [1, 1]]
    assert patients["far_from_training"].tolist() == [False, True]
    assert patients["quality"].tolist() == ["pass", "fail"]


def test_a_patient_without_any_probability_keeps_a_row() -> None:
    rules = Rules(Calibrator(), 0.5, Rule(), 0.5, "")
    _, patients = made(rules, [0.0, 1.0, np.nan, np.nan])
    assert patients["patient_id"].tolist() == ["p0", "p1"]
    assert patients["probability"].isna().tolist() == [False, True]
    assert patients["decision"].isna().tolist() == [False, True]


def test_of_several_classes_each_has_a_column_and_the_likeliest_is_decided_for() -> None:
    known = facts(("normal", "benign", "malignant"))
    rules = Rules(Calibrator("temperature", (2.0,)), None, Rule(), None, "")
    found, patients = made(rules, [[0, 2, 0], [0, 0, 4], [1, 0, 0], [np.nan] * 3], known)
    assert found["decision"].fillna("-").tolist() == ["benign", "malignant", "normal", "-"]
    first = np.exp([0, 1, 0]) / np.exp([0, 1, 0]).sum()
    names = ["probability_normal", "probability_benign", "probability_malignant"]
    np.testing.assert_allclose(found.loc[0, names].to_numpy(np.float64), first)
    assert "threshold" not in found
    assert patients.loc[0, names].sum() == pytest.approx(1)
    assert patients["decision"].tolist() == ["malignant", "normal"]


def test_without_a_reference_no_distance_is_told() -> None:
    rules = Rules(Calibrator(), 0.5, Rule(), 0.5, "")
    found = sample_table(samples(2), np.zeros(2, np.float32), rules, facts(), None, np.inf)
    assert found[["far_from_training", "distance"]].isna().all(axis=None)
    assert patient_table(found, rules, facts())["far_from_training"].isna().all()
