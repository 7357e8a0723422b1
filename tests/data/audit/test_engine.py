from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bcdl.data.audit import audit
from bcdl.data.table import ExamTable
from bcdl.errors import UserError

Make = Callable[..., ExamTable]


def noise(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 32, 1)).astype(np.uint8)


def test_a_clean_data_set_has_no_findings(
    phantom_table: ExamTable, phantom_pixels: NDArray[np.uint8]
) -> None:
    assert audit(phantom_table, phantom_pixels) == []


def test_planted_problems_are_found_most_severe_first(
    phantom_table: ExamTable, phantom_pixels: NDArray[np.uint8]
) -> None:
    pixels = phantom_pixels.copy()
    pixels[13 * 4] = pixels[0]
    pixels[5] = 0
    images = phantom_table.images.assign(meta_biopsy=phantom_table.images["label"])
    images.loc[9, "split"] = "test"
    images.loc[20, "view"] = "NA"
    refused = pd.DataFrame({"image_id": ["x"], "kind": ["undecodable"], "detail": ["no pixels"]})
    found = audit(replace(phantom_table, images=images), pixels, refused=refused)
    assert [(finding.check, finding.severity) for finding in found] == [
        ("patients_across_splits", "severe"),
        ("duplicates_across_splits", "severe"),
        ("label_leaks", "severe"),
        ("refused_images", "warning"),
        ("blank_images", "warning"),
        ("missing_views", "note"),
        ("unknown_views", "note"),
    ]


def test_a_table_without_splits_labels_or_known_columns_is_only_noted(make_table: Make) -> None:
    found = audit(make_table(label=[None] * 12), noise(12))
    assert [finding.check for finding in found] == ["class_balance", "unknown_views"]
    assert {finding.severity for finding in found} == {"note"}


def test_a_table_of_one_class_is_audited(make_table: Make) -> None:
    found = audit(make_table(label=[1] * 12, split="train"), noise(12))
    assert [finding.check for finding in found if finding.severity == "severe"] == ["class_balance"]


def test_images_of_another_table_are_an_error(make_table: Make) -> None:
    with pytest.raises(UserError, match="a stored image for each of 3 rows, found 2"):
        audit(make_table(label=[0, 1, 0]), noise(2))
