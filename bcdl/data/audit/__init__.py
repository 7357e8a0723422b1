"""The audit of a data set: what would make its results wrong, found before anything is trained.

It works on the exam table and on the stored pixels, needs neither torch nor Lightning, and changes nothing.
"""

from bcdl.data.audit.checks import images_without_annotation
from bcdl.data.audit.duplicates import SIDES, drop_duplicates, duplicate_groups
from bcdl.data.audit.engine import audit
from bcdl.data.audit.finding import SEVERITIES, Finding, Severity
from bcdl.data.audit.report import print_findings, write_report
from bcdl.data.audit.settings import AuditSettings
from bcdl.data.audit.summary import summarise_table

__all__ = [
    "SEVERITIES",
    "SIDES",
    "AuditSettings",
    "Finding",
    "Severity",
    "audit",
    "drop_duplicates",
    "duplicate_groups",
    "images_without_annotation",
    "print_findings",
    "summarise_table",
    "write_report",
]
