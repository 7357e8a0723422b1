from collections.abc import Callable

from bcdl.data.audit import summarise_table
from bcdl.data.table import ExamTable


def test_units_take_their_highest_label(make_table: Callable[..., ExamTable]) -> None:
    table = make_table(
        patient_id=["a", "a", "a", "b", "c"],
        laterality=["L", "L", "R", "NA", "R"],
        label=[0, 1, 0, None, 0],
        split=["train", "train", "train", "train", "test"],
    )
    counted = summarise_table(table).set_index(["split", "class"])
    assert counted.loc[("train", "malignant")].tolist() == [1, 1, 1, 1]
    assert counted.loc[("train", "benign")].tolist() == [2, 0, 0, 1]
    assert counted.loc[("train", "unlabelled")].tolist() == [1, 1, 1, 0]
    assert counted.loc[("train", "all")].tolist() == [4, 2, 2, 2]
    assert counted.loc[("all", "all")].tolist() == [5, 3, 3, 3]
    assert ("test", "unlabelled") not in counted.index


def test_a_table_without_splits_is_counted_once(make_table: Callable[..., ExamTable]) -> None:
    assert set(summarise_table(make_table(label=[0, 1]))["split"]) == {"all"}
