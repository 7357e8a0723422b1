"""Contact sheets: samples of a split as the model sees them."""

import numpy as np
from matplotlib.figure import Figure

from bcdl.data import ExamDataModule, collate
from bcdl.evaluation.hanging import hang
from bcdl.evaluation.sheet import contact_sheet


def sample_sheet(data: ExamDataModule, split: str, count: int) -> Figure:
    """Draw samples of a split, chosen at random by the data's seed; those of train are augmented.

    Args:
        data: prepared data.
        split: train, val or test.
        count: at most so many samples.
    """
    data.setup()
    dataset = data.dataset(split, augmented=split == "train")
    chosen = np.random.default_rng(data.seed).permutation(len(dataset))[:count].tolist()
    batch = collate(dataset.__getitems__([(index, 0, position) for position, index in enumerate(chosen)]))
    rows = data.samples.loc[batch["index"].tolist()]
    captions = [
        f"{sample}\n{data.classes[label] if label >= 0 else 'unlabelled'}"
        for sample, label in zip(rows["sample_id"], batch["label"].tolist(), strict=True)
    ]
    return contact_sheet(hang(data.on_after_batch_transfer(batch, 0)), captions)
