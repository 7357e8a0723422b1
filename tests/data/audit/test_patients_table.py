from collections.abc import Callable

from bcdl.data.audit.patients_table import patient_labels
from bcdl.data.table import ExamTable


def test_a_patient_is_positive_if_any_image_is_and_left_out_without_labels(
    make_table: Callable[..., ExamTable],
) -> None:
    table = make_table(patient_id=["a", "a", "b", "c"], label=[0, 1, 0, None], split="train")
    assert patient_labels(table).to_numpy().tolist() == [["a", "train", True], ["b", "train", False]]


def test_a_patient_counts_once_at_every_machine(make_table: Callable[..., ExamTable]) -> None:
    table = make_table(
        patient_id=["a", "a", "a", "b"], label=[0, 1, 1, 0], machine=["x", "x", "y", None], split="test"
    )
    rows = patient_labels(table, by="machine")[["patient_id", "machine", "positive"]]
    assert rows.to_numpy().tolist() == [["a", "x", True], ["a", "y", True]]
