"""What a data set holds: images, patients, exams and breasts by split and class."""

import pandas as pd

from bcdl.data.schema import SPLITS
from bcdl.data.table import ExamTable

_UNITS = {
    "images": ["image_id"],
    "patients": ["patient_id"],
    "exams": ["patient_id", "exam_id"],
    "breasts": ["patient_id", "exam_id", "laterality"],
}
UNLABELLED, EVERY = "unlabelled", "all"


def summarise_table(table: ExamTable) -> pd.DataFrame:
    """Count the images, patients, exams and breasts of every split and class.

    A patient, exam or breast has the highest label of its images; breasts are sides of exams, and images of
    unknown side count for none.

    Returns:
        One row a split and class: `split`, `class`, `images`, `patients`, `exams`, `breasts`. The class `all`
        sums up a split, the split `all` the data set.
    """
    images = table.images
    present = [split for split in SPLITS if (images["split"] == split).any()]
    parts = {split: images[images["split"] == split] for split in present} if len(present) > 1 else {}
    rows = []
    for split, part in {**parts, EVERY: images}.items():
        counted = {unit: _by_class(part, unit, table.classes) for unit in _UNITS}
        for name in (*table.classes, UNLABELLED, EVERY):
            rows.append({"split": split, "class": name} | {unit: counted[unit][name] for unit in _UNITS})
    frame = pd.DataFrame(rows)
    return frame[(frame["class"] != UNLABELLED) | (frame["images"] > 0)].reset_index(drop=True)


def _by_class(images: pd.DataFrame, unit: str, classes: tuple[str, ...]) -> dict[str, int]:
    """Count the units of every class."""
    if unit == "breasts":
        images = images[images["laterality"] != "NA"]
    labels = images.groupby(_UNITS[unit], sort=False)["label"].max()
    counted = {name: int((labels == label).sum()) for label, name in enumerate(classes)}
    return counted | {UNLABELLED: int(labels.isna().sum()), EVERY: len(labels)}
