"""Whether a patient stands in two splits."""

import pandas as pd

from bcdl.data.audit.finding import Finding
from bcdl.data.audit.words import plural, verb

_COLUMNS = ["patient_id", "exam_id", "image_id", "split", "label"]


def patients_across_splits(images: pd.DataFrame) -> list[Finding]:
    """Find patients with images in two or three splits (`NA` is none)."""
    assigned = images[images["split"] != "NA"]
    torn = assigned[assigned.groupby("patient_id")["split"].transform("nunique") > 1]
    if torn.empty:
        return []
    count = torn["patient_id"].nunique()
    return [
        Finding(
            check="patients_across_splits",
            severity="severe",
            summary=f"{plural(count, 'patient')} with {plural(len(torn), 'image')} "
            f"{verb(count, 'stands', 'stand')} in more than one split.",
            remedy="Set data.on_patient_overlap=drop_from_train, or give all images of a patient one split: "
            "a model that has seen a patient in training is not tested on them.",
            rows=torn[_COLUMNS].sort_values(["patient_id", "split"], ignore_index=True),
        )
    ]
