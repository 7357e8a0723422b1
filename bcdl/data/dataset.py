"""From draws to arrays: reads a sample's views from the image store, augments them and fills the slots.

All but the pixels is laid out in arrays beforehand, and a batch is written straight into one array.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch.utils.data import Dataset

from bcdl.data.batch import UNLABELLED, Sample
from bcdl.data.samples import exam_days, years_before_newest
from bcdl.data.sampling import Draw
from bcdl.data.schema import codes
from bcdl.data.store import ImageStore
from bcdl.data.table import LATERALITIES, VIEWS
from bcdl.transforms.augment import Augment, Image
from bcdl.transforms.preprocess import Preprocess


class ExamDataset(Dataset[Sample]):
    """Samples as arrays, by draw.

    Args:
        store: Prepared images, row i of `images` at position i.
        images: Images of the exam table.
        samples: The samples of one split, with the index that they have in the whole sample table.
        max_views: Number of view slots V, at least as many as the longest sample has views.
        preprocess: Its `host` is applied to every image.
        augment: Applied to a sample's views after that; `None` leaves them as they are.
        seed: Seed of the augmentation, with the draw's epoch, position and sample.
        tabular: (rows of `images`, F) values of every image, which go beside its pixels; `None` for none.
    """

    def __init__(
        self,
        store: ImageStore,
        images: pd.DataFrame,
        samples: pd.DataFrame,
        *,
        max_views: int,
        preprocess: Preprocess,
        augment: Augment | None = None,
        seed: int = 0,
        tabular: NDArray[np.float32] | None = None,
    ) -> None:
        self.store, self.tabular = store, tabular
        self.preprocess = preprocess
        self.augment = None if augment is None or augment.is_identity else augment
        self.seed = seed
        self.rows: list[list[int]] = samples["rows"].tolist()
        self.index = samples.index.to_numpy(np.int64)
        self.label = samples["label"].fillna(UNLABELLED).to_numpy(np.int64)
        self.view_mask, self.slots = _slots(self.rows, max_views)
        self.view = _filled(codes(images["view"], VIEWS), self.slots, self.view_mask)
        self.laterality = _filled(codes(images["laterality"], LATERALITIES), self.slots, self.view_mask)
        self.time = years_before_newest(exam_days(images).to_numpy()[self.slots], self.view_mask)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, draw: Draw) -> Sample:
        """Return one sample, its arrays without the batch axis."""
        batch = self.__getitems__([draw])
        return cast(Sample, {name: array[0] for name, array in cast(dict[str, NDArray[Any]], batch).items()})

    def __getitems__(self, draws: Sequence[Draw]) -> Sample:
        """Return several samples stacked; PyTorch's data loader calls this for a batch."""
        index = [draw[0] for draw in draws]
        batch = Sample(
            image=self._pixels(draws),
            view_mask=self.view_mask[index],
            view=self.view[index],
            laterality=self.laterality[index],
            time=self.time[index],
            label=self.label[index],
            index=self.index[index],
        )
        if self.tabular is not None:
            filled = batch["view_mask"][..., None]
            batch["tabular"] = np.where(filled, self.tabular[self.slots[index]], np.float32(0))
        return batch

    def _pixels(self, draws: Sequence[Draw]) -> Image:
        """Return the images of several samples, (B, V, C, H, W)."""
        store = self.store
        shape = (len(draws), self.view_mask.shape[1], store.channels, store.height, store.width)
        pixels = np.zeros(shape, store.dtype)
        for sample, draw in zip(pixels, draws, strict=True):
            for slot, view in zip(sample, self._views(draw), strict=False):
                slot[...] = view.transpose(2, 0, 1)  # (C, H, W)
        return pixels

    def _views(self, draw: Draw) -> list[Image]:
        index, epoch, position = draw
        views = [self.preprocess.host(self.store[row]) for row in self.rows[index]]
        if self.augment is None:
            return views
        return self.augment(views, draw_seed(self.seed, epoch, position, int(self.index[index])))


def draw_seed(seed: int, epoch: int, position: int, index: int) -> int:
    """Join four numbers below 2**32 into one, which NumPy's `SeedSequence` takes apart again."""
    return seed << 96 | epoch << 64 | position << 32 | index


def _slots(rows: list[list[int]], max_views: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Lay every sample's rows out in slots, (N, V): which are filled, and with which row (else 0)."""
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    mask = np.arange(max_views) < lengths[:, None]
    slots = np.zeros(mask.shape, np.int64)
    slots[mask] = np.fromiter(chain.from_iterable(rows), np.int64)
    return mask, slots


def _filled(
    values: NDArray[np.int64], slots: NDArray[np.int64], mask: NDArray[np.bool_]
) -> NDArray[np.int64]:
    return np.where(mask, values[slots], 0)
