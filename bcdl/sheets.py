"""Contact sheets: samples of a split, or all of one patient's, as the model sees them."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bcdl.data import ExamDataModule, collate
from bcdl.data.outlines import Outline, outlines
from bcdl.errors import UserError, nearest
from bcdl.evaluation.hanging import hang
from bcdl.evaluation.sheet import contact_sheet


def sample_sheet(data: ExamDataModule, split: str, count: int) -> Figure:
    """Draw samples of a split, chosen at random by the data's seed; those of train are augmented.

    Findings are outlined, but not on augmented images.

    Args:
        data: prepared data.
        split: train, val or test.
        count: at most so many samples.
    """
    data.setup()
    chosen = np.random.default_rng(data.seed).permutation(len(data.split_samples(split)))[:count]
    return _sheet(data, split, chosen.tolist(), augmented=split == "train")


def patient_sheet(data: ExamDataModule, patient: str) -> tuple[Figure, int]:
    """Draw all samples of a patient, not augmented, with the findings outlined.

    Args:
        data: prepared data.
        patient: a `patient_id`; of private data the real one or its pseudonym.

    Returns:
        The sheet and its number of samples.

    Raises:
        UserError: if the data set has no such patient.
    """
    data.setup()
    known = data.samples["patient_id"]
    shown = np.flatnonzero(known.isin(data.source.names_of_patient(patient)))
    if not len(shown):
        raise UserError(
            f"expected a patient of {data.source.name}, found none of the name in patient=."
            f"{nearest(patient, known.unique())} It has {known.nunique()}, such as {known.iloc[0]}"
        )
    return _sheet(data, "all", shown.tolist(), augmented=False), len(shown)


def _sheet(data: ExamDataModule, split: str, chosen: list[int], augmented: bool) -> Figure:
    dataset = data.dataset(split, augmented=augmented)
    batch = collate(dataset.__getitems__([(index, 0, position) for position, index in enumerate(chosen)]))
    rows = data.samples.loc[batch["index"].tolist()]
    captions = [
        f"{sample}\n{data.classes[label] if label >= 0 else 'unlabelled'}"
        for sample, label in zip(rows["sample_id"], batch["label"].tolist(), strict=True)
    ]
    marks = None if augmented else findings_outlines(data, rows)
    return contact_sheet(hang(data.on_after_batch_transfer(batch, 0), marks), captions)


def findings_outlines(data: ExamDataModule, samples: pd.DataFrame) -> list[list[list[Outline]]]:
    """Return the outlines of all findings in every slot of samples."""
    groups = dict(iter(data.table.findings.groupby("image_id")))
    none = data.table.findings.iloc[:0]
    image_ids = data.table.images["image_id"]
    reader = data.source.masks
    return [
        [outlines(reader, data.store, row, groups.get(image_ids[row], none)) for row in rows]
        + [[] for _ in range(data.max_views - len(rows))]
        for rows in samples["rows"]
    ]
