from collections.abc import Callable

import numpy as np

from bcdl.data.audit import AuditSettings
from bcdl.data.audit.checks import class_by_source, split_by_source
from bcdl.data.table import ExamTable

Make = Callable[..., ExamTable]
RNG = np.random.default_rng(0)
MACHINE = np.where(RNG.random(300) < 0.5, "x", "y")


def test_a_machine_that_tells_the_class_is_a_warning_or_severe(make_table: Make) -> None:
    weakly = (RNG.random(300) < np.where(MACHINE == "x", 0.2, 0.5)).astype(int)
    (found,) = class_by_source(make_table(label=weakly, machine=MACHINE), AuditSettings())
    assert (found.check, found.severity) == ("class_by_machine", "warning")
    assert found.rows["machine"].tolist() == ["x", "y"]
    strongly = (RNG.random(300) < np.where(MACHINE == "x", 0.05, 0.9)).astype(int)
    (found,) = class_by_source(make_table(label=strongly, site=MACHINE), AuditSettings())
    assert (found.check, found.severity) == ("class_by_site", "severe")


def test_images_of_one_patient_are_no_more_evidence_than_one(make_table: Make) -> None:
    patients = np.repeat(np.arange(10), 60)
    table = make_table(
        patient_id=patients.astype(str),
        image_id=np.arange(600).astype(str),
        label=(patients < 4).astype(int),
        machine=np.where(patients < 5, "x", "y"),
    )
    assert class_by_source(table, AuditSettings()) == []


def test_unrelated_machines_null_columns_and_single_machines_are_fine(make_table: Make) -> None:
    labels = (RNG.random(300) < 0.3).astype(int)
    for table in (
        make_table(label=labels, machine=MACHINE, split="train"),
        make_table(label=labels),
        make_table(label=labels, machine="x", split="train"),
        make_table(label=[None] * 300, machine=MACHINE),
    ):
        assert class_by_source(table, AuditSettings()) == []
        assert split_by_source(table, AuditSettings()) == []


def test_splits_of_different_machines_are_a_warning(make_table: Make) -> None:
    split = np.where(MACHINE == "x", "train", "test")
    (found,) = split_by_source(make_table(label=[0] * 300, machine=MACHINE, split=split), AuditSettings())
    assert (found.check, found.severity) == ("split_by_machine", "warning")
    assert {"machine", "train", "test"} <= set(found.rows)
