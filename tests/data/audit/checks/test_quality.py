from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bcdl.data.audit.checks import blank_images, refused_images
from bcdl.data.table import ExamTable
from bcdl.errors import UserError


def test_refused_images_are_counted_by_kind() -> None:
    refused = pd.DataFrame({"image_id": ["a", "b", "c"], "kind": ["inverted", "bad", "bad"], "detail": "?"})
    (found,) = refused_images(refused)
    assert found.severity == "warning"
    assert "3 images could not be read, or were refused: bad 2, inverted 1" in found.summary
    assert found.rows["image_id"].tolist() == ["b", "c", "a"]


@pytest.mark.parametrize("refused", [None, pd.DataFrame({"image_id": []})])
def test_none_refused_is_no_finding(refused: pd.DataFrame | None) -> None:
    assert refused_images(refused) == []


def test_a_table_of_refused_images_without_a_column_is_an_error() -> None:
    with pytest.raises(UserError, match="found none named kind, detail"):
        refused_images(pd.DataFrame({"image_id": ["a"]}))


def test_blank_images_are_a_warning(make_table: Callable[..., ExamTable]) -> None:
    images = make_table(split=["train", "test", "test"]).images
    (found,) = blank_images(images, np.array([True, False, False]))
    assert found.severity == "warning"
    assert found.summary == "1 image of 3 shows nothing but one grey level (train 1)."
    assert blank_images(images, np.zeros(3, bool)) == []
