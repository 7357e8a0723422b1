"""Which errors of a reading are its worst."""

import numpy as np
import pandas as pd

from bcdl.evaluation.assessment.errors import (
    FALSE_ALARM,
    FILE,
    MISSED,
    NONE,
    WRONG,
    listed_errors,
    worst_errors,
)

CLASSES = ("benign", "malignant")


def table_of(label: list[int | None], probability: list[float]) -> pd.DataFrame:
    names = [f"s{number}" for number in range(len(label))]
    return pd.DataFrame(
        {
            "sample_id": names,
            "patient_id": [name.upper() for name in names],
            "label": pd.array(label, dtype="Int64"),
            "probability": probability,
        }
    )


def test_of_two_classes_half_are_the_cancers_called_least_likely_and_half_the_likeliest_alarms() -> None:
    table = table_of([1, 1, 1, 1, 0, 0, 0, None], [0.4, 0.1, 0.2, 0.9, 0.6, 0.95, 0.3, 0.0])
    found = worst_errors(table, 0.5, CLASSES, 3)
    assert found.to_dict("list") == {
        "error": [MISSED, MISSED, FALSE_ALARM],
        "sample_id": ["s1", "s2", "s5"],
        "patient_id": ["S1", "S2", "S5"],
        "truth": ["malignant", "malignant", "benign"],
        "called": ["benign", "benign", "malignant"],
        "probability": [0.1, 0.2, 0.95],
    }


def test_a_probability_at_the_threshold_is_called_positive() -> None:
    found = worst_errors(table_of([1, 0], [0.5, 0.5]), 0.5, CLASSES, 8)
    assert found["sample_id"].tolist() == ["s1"]


def test_equal_errors_come_by_their_ids_whatever_their_order() -> None:
    table = table_of([1, 1, 1], [0.1, 0.1, 0.1])
    turned = table.iloc[::-1].reset_index(drop=True)
    assert worst_errors(turned, 0.5, CLASSES, 4)["sample_id"].tolist() == ["s0", "s1"]


def test_of_more_classes_the_wrong_ones_that_were_called_with_most_confidence() -> None:
    shares = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.0, 0.9]])
    table = table_of([1, 0, 2], [0.0] * 3).drop(columns="probability")
    table = table.assign(**{f"probability_{label}": shares[:, label] for label in range(3)})
    found = worst_errors(table, 0.5, ("a", "b", "c"), 8)
    assert found[["error", "sample_id", "truth", "called", "probability"]].to_numpy().tolist() == [
        [WRONG, "s0", "b", "a", 0.8],
        [WRONG, "s1", "a", "b", 0.5],
    ]


def test_without_images_they_are_a_table_and_without_errors_a_sentence() -> None:
    section = listed_errors(table_of([1], [0.1]), 0.5, CLASSES, 8)
    assert section.tables[FILE]["sample_id"].tolist() == ["s0"]
    assert "without their images" in section.text
    assert listed_errors(table_of([1], [0.9]), 0.5, CLASSES, 8).text == NONE
