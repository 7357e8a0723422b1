"""The audit's findings in the terminal and in a folder: CSV tables and one HTML page."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bcdl.data.audit.finding import SEVERITIES, Finding
from bcdl.data.audit.page import render_page
from bcdl.data.audit.thumbnails import Images
from bcdl.data.table import ExamTable
from bcdl.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

PAGE, OVERVIEW = "audit.html", "findings.csv"
_STYLES = {"severe": "bold red", "warning": "yellow", "note": "cyan"}


def print_findings(findings: Sequence[Finding], console: "Console") -> None:
    """Print a table of the findings, or that there are none."""
    from rich.markup import escape
    from rich.table import Table

    if not findings:
        console.print("The audit has found nothing.")
        return
    table = Table(title=describe(findings), title_justify="left", show_lines=True)
    table.add_column("severity", no_wrap=True)
    table.add_column("what was found, and what to do", overflow="fold")
    for finding in findings:
        style = _STYLES[finding.severity]
        told = f"{escape(finding.summary)}\n[dim]{escape(finding.remedy)}[/dim]"
        table.add_row(f"[{style}]{finding.severity}[/{style}]", told)
    console.print(table)


def write_report(
    findings: Sequence[Finding], table: ExamTable, images: Images, folder: Path, title: str = "data set"
) -> Path:
    """Write `findings.csv`, the rows of every finding as `<check>.csv`, and `audit.html`.

    Args:
        findings: As `audit` gives them.
        table: The table that was audited.
        images: Its stored pixels, for the thumbnails of copies.
        folder: Where to write; made if need be.
        title: Name of the data set, for the page.

    Returns:
        The page, one file that needs nothing else.

    Raises:
        UserError: The folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        overview(findings).to_csv(folder / OVERVIEW, index=False)
        for finding in findings:
            finding.rows.to_csv(folder / f"{finding.check}.csv", index=False)
        page = folder / PAGE
        page.write_text(render_page(findings, table, images, title), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"cannot write the audit to {folder} ({error.strerror or error}); choose another folder"
        ) from error
    return page


def overview(findings: Sequence[Finding]) -> pd.DataFrame:
    """Return one row a finding: `severity, check, rows, summary, remedy`."""
    cells = [
        (found.severity, found.check, len(found.rows), found.summary, found.remedy) for found in findings
    ]
    return pd.DataFrame(cells, columns=["severity", "check", "rows", "summary", "remedy"])


def describe(findings: Sequence[Finding]) -> str:
    """Return the findings' number by severity: `2 severe, 1 warning, 0 notes`."""
    severe, warnings, notes = (sum(found.severity == name for found in findings) for name in SEVERITIES)
    return f"{severe} severe, {warnings} warning{'s' * (warnings != 1)}, {notes} note{'s' * (notes != 1)}"
