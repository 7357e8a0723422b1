from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from bcdl.data.audit import Finding, print_findings, write_report
from bcdl.data.table import ExamTable
from bcdl.errors import UserError

Make = Callable[..., ExamTable]
FINDINGS = [
    Finding("label_leaks", "severe", "meta_[red]x tells", "Drop it.", pd.DataFrame({"column": ["a", "b"]})),
    Finding("unknown_views", "note", "No view.", "Fill in.", pd.DataFrame({"image_id": ["i"]})),
]
PIXELS = np.zeros((2, 8, 8, 1), np.uint8)


def printed(findings: list[Finding]) -> str:
    text = StringIO()
    print_findings(findings, Console(file=text, width=100))
    return text.getvalue()


def test_the_terminal_shows_sentences_as_they_are_and_what_to_do() -> None:
    shown = printed(FINDINGS)
    assert "1 severe, 0 warnings, 1 note" in shown
    assert "meta_[red]x tells" in shown
    assert "Fill in." in shown


def test_the_terminal_says_when_there_is_nothing() -> None:
    assert printed([]) == "The audit has found nothing.\n"


def test_the_folder_holds_the_overview_the_rows_and_the_page(tmp_path: Path, make_table: Make) -> None:
    page = write_report(FINDINGS, make_table(label=[0, 1]), PIXELS, tmp_path / "new" / "audit", "mine")
    assert page == tmp_path / "new" / "audit" / "audit.html"
    assert "Audit: mine" in page.read_text()
    overview = pd.read_csv(page.with_name("findings.csv"))
    assert overview[["severity", "check", "rows"]].to_numpy().tolist() == [
        ["severe", "label_leaks", 2],
        ["note", "unknown_views", 1],
    ]
    assert pd.read_csv(page.with_name("label_leaks.csv"))["column"].tolist() == ["a", "b"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path, make_table: Make) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write the audit to .*file"):
        write_report([], make_table(label=[0, 1]), PIXELS, tmp_path / "file" / "audit")
