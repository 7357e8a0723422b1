from collections.abc import Callable

import numpy as np

from bcdl.data.audit import AuditSettings
from bcdl.data.audit.checks import class_balance, split_prevalence
from bcdl.data.table import ExamTable

Make = Callable[..., ExamTable]


def test_a_split_without_a_class_is_severe(make_table: Make) -> None:
    table = make_table(label=[0, 1, 0, 0, 1, None], split=["train", "train", "val", "val", "test", "NA"])
    (found,) = class_balance(table)
    assert found.severity == "severe"
    assert "val has no malignant image; test has no benign image" in found.summary
    assert found.rows["split"].tolist() == ["train", "val", "test"]


def test_a_split_without_any_label_is_severe(make_table: Make) -> None:
    (found,) = class_balance(make_table(label=[0, 1, None], split=["train", "train", "test"]))
    assert "test has no benign, malignant image" in found.summary


def test_without_splits_all_images_are_one(make_table: Make) -> None:
    assert class_balance(make_table(label=[0, 1])) == []
    (found,) = class_balance(make_table(label=[0, 0]))
    assert "all has no malignant image" in found.summary


def test_data_without_labels_are_noted(make_table: Make) -> None:
    (found,) = class_balance(make_table(label=[None, None], split="train"))
    assert (found.severity, found.summary) == ("note", "No image has a label (train 2).")


def test_very_different_prevalences_are_a_warning(make_table: Make) -> None:
    split = np.repeat(["train", "test"], [300, 200])
    labels = np.concatenate([np.arange(300) % 10 == 0, np.arange(200) % 2 == 0]).astype(int)
    (found,) = split_prevalence(make_table(label=labels, split=split), AuditSettings())
    assert found.severity == "warning"
    assert "train 10.0%" in found.summary
    assert "test 50.0%" in found.summary


def test_similar_prevalences_are_fine_however_many_patients(make_table: Make) -> None:
    split = np.repeat(["train", "test"], [20_000, 20_000])
    labels = np.concatenate([np.arange(20_000) % 10 == 0, np.arange(20_000) % 8 == 0]).astype(int)
    assert split_prevalence(make_table(label=labels, split=split), AuditSettings()) == []


def test_chance_is_no_difference(make_table: Make) -> None:
    table = make_table(label=[1, 0, 1, 0, 1, 1, 0, 1] * 4, split=["train", "val", "test", "train"] * 8)
    assert split_prevalence(table, AuditSettings()) == []
