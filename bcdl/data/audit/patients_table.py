"""Patients as the unit of statistics: images of one patient are not independent."""

import pandas as pd

from bcdl.data.table import ExamTable


def patient_labels(table: ExamTable, by: str | None = None) -> pd.DataFrame:
    """Return one row a patient (and value of the column `by`): `patient_id`, `split`, `positive`.

    A patient is positive if any of her labelled images shows the positive class; patients without a label,
    and images without a value in `by`, are left out.
    """
    images = table.images
    labelled = images[images["label"].notna()]
    keys = ["patient_id", "split"] + ([by] if by else [])
    labelled = labelled[keys].assign(positive=(labelled["label"] == table.positive_label).astype(bool))
    return labelled.groupby(keys, sort=False, observed=True)["positive"].max().reset_index()
