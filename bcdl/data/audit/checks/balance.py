"""The classes of every split: a class that is absent, and prevalences that differ."""

import pandas as pd

from bcdl.data.audit.association import association
from bcdl.data.audit.finding import Finding
from bcdl.data.audit.patients_table import patient_labels
from bcdl.data.audit.settings import AuditSettings
from bcdl.data.audit.words import counts, p_value
from bcdl.data.schema import SPLITS
from bcdl.data.table import ExamTable


def class_balance(table: ExamTable) -> list[Finding]:
    """Find splits that lack a class; without splits, all images are one.

    A data set without any label is only noted.
    """
    images = table.images
    if images["label"].isna().all():
        return [_without_labels(images)]
    if (images["split"] == "NA").all():
        images = images.assign(split="all")
    rows = _class_counts(images[images["split"] != "NA"], table.classes)
    lacking = rows[(rows[list(table.classes)] == 0).any(axis=1)]
    if lacking.empty:
        return []
    absent = [
        f"{row['split']} has no {', '.join(name for name in table.classes if row[name] == 0)} image"
        for row in lacking.to_dict("records")
    ]
    return [
        Finding(
            check="class_balance",
            severity="severe",
            summary=f"A class is absent: {'; '.join(map(str, absent))}.",
            remedy="Split anew (data.val_fraction, data.test_fraction, data.split_seed), or check the "
            "labels: without every class a split gives no AUROC, and training on one learns nothing.",
            rows=rows,
        )
    ]


def split_prevalence(table: ExamTable, settings: AuditSettings) -> list[Finding]:
    """Compare the share of patients with the positive class between the splits."""
    patients = patient_labels(table)
    patients = patients[patients["split"] != "NA"]
    found = association(patients["split"], patients["positive"])
    if found is None:
        return []
    rows = found.groups.rename(columns={"group": "split"})
    low, high = rows["prevalence"].min(), rows["prevalence"].max()
    if found.p >= settings.significance or high < settings.prevalence_ratio * low:
        return []
    shares = ", ".join(f"{row['split']} {row['prevalence']:.1%}" for row in rows.to_dict("records"))
    return [
        Finding(
            check="split_prevalence",
            severity="warning",
            summary=f"The share of positive patients ({table.positive}) differs between splits: {shares} "
            f"({p_value(found.p)}).",
            remedy="Split anew with strata (data.split_seed), or choose thresholds and predictive values on "
            "data with the prevalence of use; AUROC does not depend on it.",
            rows=rows,
        )
    ]


def _class_counts(images: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """Return one row a split with its number of images of every class."""
    splits = [name for name in (*SPLITS, "all") if (images["split"] == name).any()]
    cells = pd.DataFrame({"split": splits})
    for label, name in enumerate(classes):
        of_class = images.loc[images["label"] == label, "split"].value_counts()
        cells[name] = [int(of_class.get(split, 0)) for split in splits]
    return cells


def _without_labels(images: pd.DataFrame) -> Finding:
    splits = images["split"].value_counts()
    return Finding(
        check="class_balance",
        severity="note",
        summary=f"No image has a label ({counts(splits)}).",
        remedy="Such data serve pre-training (data.unlabelled=keep); classification needs labels.",
        rows=splits.rename_axis("split").rename("images").reset_index(),
    )
