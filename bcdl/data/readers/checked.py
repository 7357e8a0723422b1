"""The end of every `read`: wrong rows are refused, or left out and counted, as the user asks."""

import logging

from bcdl.data.naming import quoted
from bcdl.data.table import ExamTable, keep_valid_rows, validate_table

_LOG = logging.getLogger(__name__)


def checked_table(table: ExamTable, source: str, on_bad_row: str) -> ExamTable:
    """Complete a table and check every cell of it.

    Args:
        table: Images and findings as a reader made them.
        source: The file or folder that they come from, for the messages.
        on_bad_row: `error`, or `skip` to leave wrong rows out with a warning.

    Raises:
        UserError: A cell is wrong and its row is not to be skipped, or no row is right.
    """
    if on_bad_row == "error":
        return validate_table(table, source)
    valid, issues = keep_valid_rows(table, source)
    if len(issues):
        shown = issues.assign(row=issues["row"] + 1, value=issues["value"].map(quoted))
        listed = shown.to_string(index=False, max_rows=20)
        _LOG.warning("%s: left out %d images:\n%s", source, issues["row"].nunique(), listed)
    left_out = len(table.findings) - len(valid.findings)
    if left_out:
        _LOG.warning("%s: left out %d findings, wrong ones or of images left out", source, left_out)
    return valid
