"""Whether the machine or the site of an image tells its class or its split."""

import pandas as pd

from bcdl.data.audit.association import association
from bcdl.data.audit.finding import Finding
from bcdl.data.audit.patients_table import patient_labels
from bcdl.data.audit.settings import AuditSettings
from bcdl.data.audit.words import p_value
from bcdl.data.table import ExamTable

_SOURCES = ("machine", "site")


def class_by_source(table: ExamTable, settings: AuditSettings) -> list[Finding]:
    """Compare the prevalence of the positive class between machines and between sites, by patient."""
    findings = []
    for source in _SOURCES:
        patients = patient_labels(table, by=source)
        found = association(patients[source], patients["positive"])
        if (
            found is None
            or found.p >= settings.significance
            or found.cramers_v < settings.association_warning
        ):
            continue
        rows = found.groups.rename(columns={"group": source}).sort_values("prevalence", ignore_index=True)
        low, high = rows.iloc[0], rows.iloc[-1]
        findings.append(
            Finding(
                check=f"class_by_{source}",
                severity="severe" if found.cramers_v >= settings.association_severe else "warning",
                summary=f"The {source} tells the class: {low['prevalence']:.1%} of patients at {low[source]} "
                f"are positive ({table.positive}), {high['prevalence']:.1%} at {high[source]} "
                f"(Cramer's V {found.cramers_v:.2f}, {p_value(found.p)}).",
                remedy=f"A model may learn the {source} instead of the disease: report results for each "
                f"{source}, test on one that was not trained on, or balance them.",
                rows=rows,
            )
        )
    return findings


def split_by_source(table: ExamTable, settings: AuditSettings) -> list[Finding]:
    """Compare the splits' shares of patients between machines and between sites."""
    findings = []
    for source in _SOURCES:
        images = table.images.loc[table.images["split"] != "NA", ["patient_id", "split", source]]
        patients = images.drop_duplicates()
        found = association(patients[source], patients["split"])
        if (
            found is None
            or found.p >= settings.significance
            or found.cramers_v < settings.association_warning
        ):
            continue
        findings.append(
            Finding(
                check=f"split_by_{source}",
                severity="warning",
                summary=f"The splits hold different shares of the {source}s "
                f"(Cramer's V {found.cramers_v:.2f}, {p_value(found.p)}).",
                remedy=f"If it is meant, as in an external test, say so; else split anew, so that test "
                f"figures are not those of another {source}.",
                rows=_shares(found.groups, source),
            )
        )
    return findings


def _shares(groups: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return patients by source and split, the largest source first."""
    return groups.rename(columns={"group": source}).sort_values(
        "patients", ascending=False, ignore_index=True
    )
