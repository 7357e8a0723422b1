from collections.abc import Callable

from bcdl.data.audit.checks import patients_across_splits
from bcdl.data.table import ExamTable

Make = Callable[..., ExamTable]


def test_a_patient_in_two_splits_is_severe(make_table: Make) -> None:
    table = make_table(patient_id=list("aabbc"), split=["train", "test", "train", "train", "val"])
    (found,) = patients_across_splits(table.images)
    assert found.severity == "severe"
    assert found.summary == "1 patient with 2 images stands in more than one split."
    assert set(found.rows["patient_id"]) == {"a"}


def test_a_missing_split_is_none(make_table: Make) -> None:
    table = make_table(patient_id=list("aabb"), split=["train", "NA", "NA", "NA"])
    assert patients_across_splits(table.images) == []
