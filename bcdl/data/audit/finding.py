"""What one check of the audit has found."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

Severity = Literal["severe", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("severe", "warning", "note")


@dataclass(frozen=True, eq=False)
class Finding:
    """One problem of a data set.

    Attributes:
        check: Name of the check; no two findings of an audit share one.
        severity: `severe` (results would be wrong), `warning` (look before you train) or `note` (to know).
        summary: One sentence with the numbers.
        remedy: What to do, with the config key where there is one.
        rows: What is concerned: images, patients, columns or groups, with the measure.
    """

    check: str
    severity: Severity
    summary: str
    remedy: str
    rows: pd.DataFrame


def by_severity(findings: list[Finding]) -> list[Finding]:
    """Return findings with the most severe first; equally severe ones keep their order."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
