from collections.abc import Callable

import numpy as np
import pytest

from bcdl.data.audit import AuditSettings
from bcdl.data.audit.checks import birads_leak, label_leaks
from bcdl.data.table import ExamTable

Make = Callable[..., ExamTable]
LABELS = (np.arange(200) % 4 == 0).astype(int)
NOISE = np.random.default_rng(0).random(200)


def test_columns_that_tell_the_label_are_severe_and_others_are_not_listed(make_table: Make) -> None:
    table = make_table(
        label=LABELS,
        age=40 + 30 * NOISE,
        machine=np.where(LABELS == 1, "x", "y"),
        meta_biopsy=np.where(LABELS == 1, 1.0, np.nan),
        meta_noise=NOISE,
        meta_uid=[f"1.2.{row}" for row in range(200)],
    )
    (found,) = label_leaks(table, AuditSettings())
    assert found.severity == "severe"
    assert found.rows["column"].tolist() == ["machine", "meta_biopsy"]
    assert found.rows["reading"].tolist() == ["category", "missing"]
    assert "2 columns tell the label" in found.summary


def test_a_weak_leak_is_a_warning_above_its_threshold(make_table: Make) -> None:
    table = make_table(label=LABELS, meta_score=LABELS + 2 * NOISE)
    (found,) = label_leaks(table, AuditSettings())
    assert found.severity == "warning"
    assert 0.75 < found.rows["auroc"].iloc[0] < 0.9
    assert label_leaks(table, AuditSettings(leak_warning=0.9)) == []


def test_birads_is_reported_apart_as_a_warning(make_table: Make) -> None:
    table = make_table(label=LABELS, birads=np.where(LABELS == 1, "5", "2"))
    assert label_leaks(table, AuditSettings()) == []
    (found,) = birads_leak(table, AuditSettings())
    assert found.severity == "warning"
    assert "AUROC of 1.00" in found.summary


def test_every_class_of_many_is_asked(make_table: Make) -> None:
    labels = np.arange(210) % 3
    table = make_table(
        classes=("normal", "benign", "malignant"), label=labels, meta_code=np.where(labels == 1, "b", "a")
    )
    (found,) = label_leaks(table, AuditSettings())
    assert found.rows["class"].tolist() == ["benign"]


@pytest.mark.parametrize("labels", [[None] * 200, [1] * 200], ids=["no labels", "one class"])
def test_there_is_nothing_to_leak_without_two_classes(make_table: Make, labels: list[int | None]) -> None:
    table = make_table(label=labels, meta_score=NOISE, birads="3")
    assert label_leaks(table, AuditSettings()) == []
    assert birads_leak(table, AuditSettings()) == []


def test_unlabelled_images_do_not_count(make_table: Make) -> None:
    labels = [*LABELS.tolist(), *[None] * 200]
    table = make_table(label=labels, meta_known=[1.0] * 200 + [None] * 200)
    assert label_leaks(table, AuditSettings()) == []
