import pandas as pd

from bcdl.data.audit.finding import Finding, Severity, by_severity


def finding(check: str, severity: Severity) -> Finding:
    return Finding(check, severity, "", "", pd.DataFrame())


def test_severe_findings_come_first_and_equal_ones_keep_their_order() -> None:
    found = [finding("a", "note"), finding("b", "severe"), finding("c", "warning"), finding("d", "severe")]
    assert [one.check for one in by_severity(found)] == ["b", "d", "c", "a"]
