import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bcdl.data.audit import Finding
from bcdl.data.audit.page import render_page
from bcdl.data.table import ExamTable

Make = Callable[..., ExamTable]
HOSTILE = '"><script>alert(1)</script>'


def copies(groups: int) -> Finding:
    rows = pd.DataFrame(
        {
            "group": np.repeat(np.arange(groups), 3),
            "image_id": HOSTILE,
            "split": "train",
            "label": pd.array([0, 1, None] * groups, dtype="Int64"),
            "similarity": 0.93456,
            "row": 0,
        }
    )
    return Finding("duplicates_within_split", "warning", f"told {HOSTILE}", HOSTILE, rows)


@pytest.fixture
def page(make_table: Make) -> str:
    table = make_table(classes=(f"benign {HOSTILE}", "malignant"), label=[0, 1], split="train")
    images = np.random.default_rng(0).integers(0, 4000, (2, 256, 128, 1)).astype(np.uint16)
    return render_page([copies(30)], table, images, HOSTILE)


def test_hostile_text_is_escaped_everywhere(page: str) -> None:
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 40


def test_at_most_twelve_pairs_and_twenty_rows_are_shown(page: str) -> None:
    assert page.count('<div class="pair">') == 12
    assert page.count("<img ") == 24
    assert page.split("<article")[1].count("<tr>") == 1 + 20
    assert "20 of 90 rows; all are in duplicates_within_split.csv" in page


def test_the_page_needs_nothing_from_elsewhere(page: str) -> None:
    assert not re.search(r"(src|href)=\"(?!data:image/png;base64,)", page)
    assert "url(" not in page


def test_labels_are_named_and_numbers_are_short(page: str) -> None:
    article = page.split("<article")[1]
    assert ">malignant</td>" in article
    assert ">0.935</td>" in article
    assert ">-</td>" in article


def test_a_page_without_findings_says_so(make_table: Make) -> None:
    page = render_page([], make_table(label=[0, 1]), np.zeros((2, 8, 8, 1), np.uint8), "clean")
    assert "The audit has found nothing." in page
    assert "0 severe" in page


def test_blank_and_tiny_images_can_be_shown(make_table: Make) -> None:
    page = render_page([copies(1)], make_table(label=[0]), np.zeros((1, 1, 1, 3), np.uint8), "blank")
    assert page.count("data:image/png") == 2
