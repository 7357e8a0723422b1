from collections.abc import Callable

import numpy as np
import pandas as pd

from bcdl.data.audit.checks import copies
from bcdl.data.audit.duplicates import LINK_COLUMNS, Duplicates
from bcdl.data.table import ExamTable

Make = Callable[..., ExamTable]


def duplicates(count: int, *links: tuple[int, int, str]) -> Duplicates:
    """Copies by their links, each to the first of its group."""
    groups = np.full(count, -1, np.int64)
    for first, second, _ in links:
        groups[[first, second]] = first
    cells = [(first, second, False, 1.0 if kind == "exact" else 0.9, kind) for first, second, kind in links]
    return Duplicates(groups, pd.DataFrame(cells, columns=LINK_COLUMNS))


def test_copies_in_two_splits_are_severe_and_their_first_two_rows_show_it(make_table: Make) -> None:
    table = make_table(label=[0, 0, 0, 0], split=["train", "train", "test", "val"])
    (found,) = copies(table.images, duplicates(4, (0, 1, "exact"), (0, 2, "near")))
    assert (found.check, found.severity) == ("duplicates_across_splits", "severe")
    assert "3 images in 1 group are copies of each other across splits: 0 exact and 1 near" in found.summary
    assert found.rows["row"].tolist() == [0, 2, 1]
    assert found.rows["like"].tolist() == ["1", "0", "0"]
    assert found.rows["similarity"].tolist() == [1.0, 0.9, 1.0]


def test_copies_with_two_labels_are_severe_wherever_they_stand(make_table: Make) -> None:
    table = make_table(label=[0, 1, None, 1], split="train")
    conflict, within = copies(table.images, duplicates(4, (0, 1, "exact"), (2, 3, "exact")))
    assert (conflict.check, conflict.severity) == ("duplicates_with_conflicting_labels", "severe")
    assert conflict.rows["row"].tolist() == [0, 1]
    assert (within.check, within.severity) == ("duplicates_within_split", "warning")
    assert within.rows["row"].tolist() == [0, 1, 2, 3]


def test_a_missing_split_does_not_cross(make_table: Make) -> None:
    table = make_table(label=[0, 0], split=["train", "NA"])
    assert [found.check for found in copies(table.images, duplicates(2, (0, 1, "near")))] == [
        "duplicates_within_split"
    ]


def test_no_copies_give_no_finding(make_table: Make) -> None:
    assert copies(make_table(label=[0, 1]).images, duplicates(2)) == []
