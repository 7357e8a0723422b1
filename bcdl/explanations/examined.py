"""What is explained: a model, its data, and what it says about the samples of a split."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from bcdl.data import Batch, ExamDataModule, collate
from bcdl.inference import predict
from bcdl.metrics import to_probabilities
from bcdl.models import Classifier

_SAMPLES_AT_ONCE = 16


@dataclass(frozen=True)
class Examined:
    """A model and the samples of a split; samples go by their position in it.

    Attributes:
        model: The model, on `device`.
        data: Its prepared data.
        split: train, val or test.
        target: The class that is explained.
        device: Where to compute.
    """

    model: Classifier
    data: ExamDataModule
    split: str
    target: int
    device: torch.device

    @cached_property
    def samples(self) -> pd.DataFrame:
        """The samples of the split, with their number in the sample table as index."""
        return self.data.split_samples(self.split)

    def rows(self, position: int) -> list[int]:
        """Return a sample's rows of the images table."""
        found: list[int] = self.samples["rows"].iloc[position]
        return found

    def class_name(self, position: int) -> str:
        """Return the class of a sample in words."""
        label = int(self.label[position])
        return self.data.classes[label] if label >= 0 else "unlabelled"

    def caption(self, position: int) -> str:
        """Return a sample's id, and below it the probability of the class explained, and its own class."""
        probability = f"p {self.probability[position]:.2f}"
        return f"{self.samples['sample_id'].iloc[position]}\n{probability}, {self.class_name(position)}"

    @cached_property
    def label(self) -> NDArray[np.int64]:
        """Of every sample, (N,); -1 where unlabelled."""
        return self.samples["label"].fillna(-1).to_numpy(np.int64)

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Of each class, (N, K), as the model gives them, uncalibrated."""
        index, logits = predict(self.model, self.data, self.split, self.device)
        shares = to_probabilities(logits[np.argsort(index)])
        return np.stack([1 - shares, shares], 1) if shares.ndim == 1 else shares

    @property
    def probability(self) -> NDArray[np.float64]:
        """Of the class that is explained, (N,)."""
        return self.probabilities[:, self.target]

    def batches(self, positions: Sequence[int]) -> Iterator[tuple[list[int], Batch]]:
        """Yield some samples as batches on the device, with their positions, in the order given."""
        dataset = self.data.dataset(self.split)
        for start in range(0, len(positions), _SAMPLES_AT_ONCE):
            part = list(positions[start : start + _SAMPLES_AT_ONCE])
            batch = collate(dataset.__getitems__([(position, 0, 0) for position in part]))
            moved = self.data.transfer_batch_to_device(batch, self.device, 0)
            yield part, self.data.on_after_batch_transfer(moved, 0)

    def chosen(self, which: str, count: int, seed: int) -> list[int]:
        """Return the positions of the samples that are shown.

        Args:
            which: As in `Settings`.
            count: At most so many.
            seed: Of a random choice.
        """
        if which == "random":
            order = np.random.default_rng(seed).permutation(len(self.samples))
        elif which == "highest":
            order = np.argsort(-self.probability, kind="stable")
        else:
            known = np.flatnonzero(self.label >= 0)
            order = known[np.argsort(self.probabilities[known, self.label[known]], kind="stable")]
        return [int(position) for position in order[:count]]
