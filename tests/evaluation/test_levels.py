import pandas as pd
import pytest

from bcdl.evaluation.levels import aggregate, coarser_levels
from bcdl.evaluation.rules import Rule


def views() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample_id": ["a", "b", "c", "d"],
            "patient_id": ["p", "p", "p", "q"],
            "exam_id": ["e", "e", "e", "f"],
            "laterality": ["L", "L", "R", "L"],
            "split": "test",
            "label": [0, 1, 0, 0],
            "probability": [0.2, 0.6, 0.1, 0.3],
        }
    )


def test_levels_aggregate_upwards_only() -> None:
    assert coarser_levels("image") == ("breast", "exam", "patient")
    assert coarser_levels("patient") == ()


def test_a_breast_takes_the_worst_label_and_the_mean_probability() -> None:
    breasts = aggregate(views(), "breast")
    assert breasts["label"].tolist() == [1, 0, 0]
    assert breasts["probability"].tolist() == pytest.approx([0.4, 0.1, 0.3])


def test_a_patient_may_take_the_maximum() -> None:
    assert aggregate(views(), "patient", Rule("max"))["probability"].tolist() == pytest.approx([0.6, 0.3])


def test_class_probabilities_sum_to_one_after_the_maximum() -> None:
    shares = {"probability_0": [0.9, 0.1, 0.5, 0.5], "probability_1": [0.1, 0.9, 0.5, 0.5]}
    table = views().drop(columns="probability").assign(**shares)
    joined = aggregate(table, "exam", Rule("max"))
    assert joined[["probability_0", "probability_1"]].sum(axis=1).tolist() == pytest.approx([1.0, 1.0])
