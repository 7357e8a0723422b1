"""The data of a run: from a reader to batches, the same for every data set and every model."""

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any, cast

import cv2
import numpy as np
import pandas as pd
import torch
from lightning import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from bcdl.data.batch import Batch, collate
from bcdl.data.dataset import ExamDataset
from bcdl.data.feature_table import stored_features
from bcdl.data.samples import EXTRA_VIEWS, UNITS, check_choice, group_samples, warn_of_joined_sides
from bcdl.data.sampling import BatchSampler, InOrderSampler
from bcdl.data.schema import IMAGE_COLUMNS
from bcdl.data.source import Source
from bcdl.data.store import ImageStore
from bcdl.data.table import ExamTable
from bcdl.errors import UserError
from bcdl.transforms.augment import Augment
from bcdl.transforms.preprocess import Preprocess

Prepared = tuple[ExamTable, ImageStore, pd.DataFrame]
Sampling = Callable[[NDArray[np.int64], int, int, int, NDArray[np.float64] | None], BatchSampler]
UNLABELLED_POLICIES = ("drop", "keep")

_FIT_STREAM = 4
_FIT_IMAGES = 2000


class ExamDataModule(LightningDataModule):
    """Groups the exams of a source into samples and batches; of two classes, label 1 is the positive one.

    Images reach the device as they are stored and are normalised there, in `on_after_batch_transfer` alone.
    Order and augmentation depend on (seed, epoch, position): a resumed epoch repeats what the interrupted
    one drew. Trainers need `use_distributed_sampler=False`: the samplers share the work out themselves.

    Args:
        source: The data set, prepared and split.
        preprocess: Normalisation; its statistics are learnt on the training split and kept in checkpoints.
        augment: Augmentation of the training batches.
        sampler: Makes the batches of an epoch from (labels, batch size, seed, positive label, weights).
        unit: What a sample is: image, breast, exam or patient.
        newest_exams: Keep only this many of each patient's newest exams; `None` keeps all.
        on_extra_view: `first` or `all` images of a repeated view.
        unlabelled: `keep` trains on unlabelled samples too (label -1); they are never in val or test.
        batch_size: Samples a batch, on each device.
        num_workers: Processes that load; 0 loads in the training process.
        tabular: Whether batches hold `tabular`: the features of every view, from the store's table.
        require_test: Whether a missing test split is an error.
        fit_seed: Seed of the choice of images on which `preprocess` learns.
        seed: Seed of order and augmentation.

    Raises:
        UserError: An argument is not among its choices.
    """

    def __init__(
        self,
        source: Source,
        preprocess: Preprocess,
        augment: Augment,
        sampler: Sampling,
        *,
        unit: str = "image",
        newest_exams: int | None = None,
        on_extra_view: str = "first",
        unlabelled: str = "drop",
        batch_size: int = 32,
        num_workers: int = 0,
        tabular: bool = False,
        require_test: bool = True,
        fit_seed: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_choice("data.unit", unit, UNITS)
        check_choice("data.on_extra_view", on_extra_view, EXTRA_VIEWS)
        check_choice("data.unlabelled", unlabelled, UNLABELLED_POLICIES)
        self.source, self.preprocess = source, preprocess
        self.augment, self.sampler = augment, sampler
        self.unit, self.newest_exams, self.on_extra_view = unit, newest_exams, on_extra_view
        self.unlabelled = unlabelled
        self.batch_size, self.num_workers = batch_size, num_workers
        self.tabular = tabular
        self.require_test, self.fit_seed, self.seed = require_test, fit_seed, seed

    def prepare(self) -> None:
        """Read and validate, store images and features, make splits and samples; a second call does nothing.

        Raises:
            UserError: The data set is wrong, or too small for its splits.
        """
        self._prepared, self._features  # noqa: B018 - computed once

    def prepare_data(self) -> None:
        """Store the images once a machine, before other processes open the store."""
        self.prepare()

    def setup(self, stage: str | None = None) -> None:
        """Prepare, and learn the statistics of `preprocess` on training images unless it has some already."""
        self.prepare()
        training = np.flatnonzero(self.table.images["split"] == "train")
        if len(training) and not self.preprocess.state_dict():
            generator = np.random.default_rng([self.fit_seed, _FIT_STREAM])
            chosen = generator.permutation(training)[:_FIT_IMAGES]
            self.preprocess.fit(self.store[row] for row in np.sort(chosen).tolist())

    @property
    def table(self) -> ExamTable:
        """The exam table of the stored images, row i at position i, splits made and classes recoded."""
        return self._prepared[0]

    @property
    def store(self) -> ImageStore:
        """The prepared images."""
        return self._prepared[1]

    @property
    def samples(self) -> pd.DataFrame:
        """The samples of all splits; a batch's `index` is a row of it."""
        return self._prepared[2]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names by label, as batches code them."""
        return self.table.classes

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.classes)

    @property
    def positive_label(self) -> int:
        """The label of the positive class, 1 of two classes."""
        return self.table.positive_label

    @property
    def channels(self) -> int:
        """Channels of an image."""
        return self.store.channels

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of an image in pixels."""
        return self.store.height, self.store.width

    @cached_property
    def max_views(self) -> int:
        """Number of view slots V: what the longest sample of any split needs."""
        rows: list[list[int]] = self.samples["rows"].tolist()
        return max(map(len, rows))

    def fingerprint(self) -> str:
        """Return a hash of the table (without paths) and the store: equal for equal data anywhere."""
        digest = hashlib.sha256(f"{self.classes} {self.table.positive} {self.store.fingerprint}".encode())
        known = [name for name in IMAGE_COLUMNS if name != "path"]
        rows = pd.util.hash_pandas_object(self.table.images[known], index=False)
        digest.update(rows.to_numpy().tobytes())
        return digest.hexdigest()

    def has_samples(self, split: str) -> bool:
        """Return whether a split, val or test, has labelled samples."""
        return bool((self.samples["label"].notna() & (self.samples["split"] == split)).any())

    def require_splits(self) -> None:
        """Raise `UserError` unless train, val and, where one is wanted, test have labelled samples."""
        for split in ("train", "val", *(["test"] if self.require_test else [])):
            self.split_samples(split)

    def split_samples(self, split: str) -> pd.DataFrame:
        """Return the samples that a split's loader gives, with their rows in the sample table as index.

        Args:
            split: train, val, test, or `all` for every sample, labelled or not.

        Raises:
            UserError: There are none.
        """
        if split == "all":
            return self.samples
        found = self.samples[self.samples["split"] == split]
        keep = split == "train" and self.unlabelled == "keep"
        samples = found if keep else found[found["label"].notna()]
        if samples.empty:
            raise UserError(
                f"expected labelled {split} samples in {self.source.name}, found none among {len(found)}; "
                "check the table's columns split and label, data.val_fraction and data.test_fraction (0 goes "
                "without test samples)"
            )
        return samples

    def class_counts(self) -> list[int]:
        """Return the number of labelled training samples of each class."""
        labels = self.split_samples("train")["label"].dropna().to_numpy(np.int64)
        counts: list[int] = np.bincount(labels, minlength=self.num_classes).tolist()
        return counts

    def dataset(self, split: str, augmented: bool = False) -> ExamDataset:
        """Return the samples of a split as arrays, by draw."""
        return ExamDataset(
            self.store,
            self.table.images,
            self.split_samples(split),
            max_views=self.max_views,
            preprocess=self.preprocess,
            augment=self.augment if augmented else None,
            seed=self.seed,
            tabular=self._features,
        )

    def loader(self, split: str, augmented: bool = False) -> DataLoader[Any]:
        """Return the batches of a split in the order of the sample table, for inference."""
        dataset = self.dataset(split, augmented)
        sampler = InOrderSampler(len(dataset))
        return self._loader(dataset, sampler=sampler, batch_size=self.batch_size)

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the augmented training batches, drawn by the sampler."""
        dataset = self.dataset("train", augmented=True)
        weights = self.source.sample_weights(self.split_samples("train")["patient_id"])
        sampler = self.sampler(dataset.label, self.batch_size, self.seed, self.positive_label, weights)
        return self._loader(dataset, batch_sampler=sampler)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the validation batches in order."""
        return self.loader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        """Return the test batches in order."""
        return self.loader("test")

    def predict_dataloader(self) -> DataLoader[Any]:
        """Return all samples in order, labelled or not."""
        return self.loader("all")

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Normalise the images, (B, V, C, H, W) to float32; slots without a view stay 0."""
        image = self.preprocess.device(batch["image"].float())
        if self.max_views > 1:
            image.masked_fill_(~batch["view_mask"][:, :, None, None, None], 0)
        batch["image"] = image
        return batch

    def state_dict(self) -> dict[str, Any]:
        """Return the statistics of `preprocess` for the checkpoint."""
        return {"preprocess": self.preprocess.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the statistics of a checkpoint; a later `setup` does not learn them anew."""
        self.preprocess.load_state_dict(state_dict["preprocess"])

    @cached_property
    def _prepared(self) -> Prepared:
        prepared = self.source.open()
        table = prepared.table
        samples = group_samples(table.images, self.unit, self.on_extra_view, self.newest_exams)
        warn_of_joined_sides(samples, self.unit)
        return table, prepared.store, samples

    @cached_property
    def _features(self) -> NDArray[np.float32] | None:
        return stored_features(self.store) if self.tabular else None

    def _loader(self, dataset: ExamDataset, **sampling: Any) -> DataLoader[Any]:  # noqa: ANN401 - DataLoader's own
        return DataLoader(
            dataset,
            collate_fn=cast(Any, collate),  # it gets what __getitems__ returns, no list of samples
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            worker_init_fn=_single_threaded,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # loaders draw a seed: not from the model's own generator
            **sampling,
        )


def _single_threaded(worker: int) -> None:
    """Leave the cores to the other workers: OpenCV starts a thread a core in each of them."""
    cv2.setNumThreads(0)
