"""The same samples with other pixels, or with fewer views: what a model is asked again."""

import copy
from collections.abc import Callable
from typing import Any

import pandas as pd

from bcdl.data.datamodule import ExamDataModule
from bcdl.data.store import ImageStore
from bcdl.imaging import Pixels
from bcdl.transforms.shifts import MISSING_VIEW, keyed

Change = Callable[[Pixels, str], Pixels]


class AlteredStore(ImageStore):
    """The images of a store, each changed as it is asked for.

    Args:
        store: The images as they are.
        change: Of an image (H, W, C), with its checksum; keeps its shape and type.
    """

    def __init__(self, store: ImageStore, change: Change) -> None:
        super().__init__(store.folder, store._records)
        self._change = change

    def __getitem__(self, row: int) -> Pixels:
        """Return the changed image of a row, (H, W, C)."""
        return self._change(super().__getitem__(row), self.checksums[row])

    def __reduce__(self) -> tuple[type[ImageStore], tuple[Any, ...]]:
        return AlteredStore, (ImageStore(self.folder, self._records), self._change)


def with_pixels(data: ExamDataModule, change: Change) -> ExamDataModule:
    """Return prepared data whose images are changed before they are normalised; `data` stays as it is.

    Features of a table (`data.tabular`) are those of the images as stored: they do not change.
    """
    return _copied(data, AlteredStore(data.store, change), data.samples)


def with_fewer_views(data: ExamDataModule, count: int, seed: int = 0) -> ExamDataModule:
    """Return prepared data in which each sample lacks some views, at least one being kept.

    Which ones depends on the seed and the sample's id; those left out for a smaller count are among them.
    """
    ids, rows = data.samples["sample_id"], data.samples["rows"]
    kept = [_kept(each, count, str(name), seed) for name, each in zip(ids, rows, strict=True)]
    samples = data.samples.assign(rows=pd.Series(kept, index=rows.index, dtype=object))
    return _copied(data, data.store, samples)


def most_views(data: ExamDataModule, split: str) -> int:
    """Return the views of the longest sample of a split."""
    return int(data.split_samples(split)["rows"].map(len).max())


def _kept(rows: list[int], count: int, name: str, seed: int) -> list[int]:
    order = keyed(seed, MISSING_VIEW, name).permutation(len(rows))
    gone = set(order[: min(count, len(rows) - 1)].tolist())
    return [row for place, row in enumerate(rows) if place not in gone]


def _copied(data: ExamDataModule, store: ImageStore, samples: pd.DataFrame) -> ExamDataModule:
    """Return a copy with another store and other samples; statistics, features and view slots are shared."""
    data.prepare()
    slots = data.max_views
    other = copy.copy(data)
    vars(other).update(_prepared=(data.table, store, samples), max_views=slots)
    return other
