"""Which samples a batch holds: draws `(index, epoch, position)` that depend on (seed, epoch) alone.

`index` counts the samples of one split, `position` the draws of an epoch: a sample drawn twice is augmented
anew. Several devices get equally many batches: whole batches are dealt out, the first ones again where they
do not come out even. Lightning must not do so too: `Trainer(use_distributed_sampler=False)`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import cycle, islice

import numpy as np
import torch.distributed
from numpy.typing import NDArray
from torch.utils.data import Sampler, SequentialSampler

from bcdl.errors import UserError

Draw = tuple[int, int, int]
Indices = NDArray[np.int64]

_STREAM = 3


class BatchSampler(Sampler[list[Draw]], ABC):
    """Yield one epoch's batches of draws.

    Args:
        labels: (N,) label of every training sample, -1 = unlabelled.
        batch_size: Samples a batch, on each device.
        seed: Seed of the order.
        positive: Label of the positive class.
        weights: (N,) how likely each sample is drawn relative to others; `None`: every sample once.

    Raises:
        UserError: The batch is larger than the data.
    """

    def __init__(
        self,
        labels: Indices,
        batch_size: int,
        seed: int,
        positive: int = 1,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        if not 1 <= batch_size <= len(labels):
            raise UserError(
                f"expected data.batch_size from 1 to the number of training samples ({len(labels)}), "
                f"found {batch_size}; lower data.batch_size"
            )
        self.labels = labels
        self.batch_size = batch_size
        self.seed = seed
        self.positive = positive
        self.weights = weights
        self.epoch = 0

    @property
    def sampler(self) -> "BatchSampler":
        """This object: Lightning sets the epoch on `dataloader.batch_sampler.sampler`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches are yielded next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self._count() // _devices()[1])

    def __iter__(self) -> Iterator[list[Draw]]:
        device, devices = _devices()
        batches = self._batches(np.random.default_rng([self.seed, self.epoch, _STREAM]))
        batches = list(islice(cycle(batches), len(self) * devices))
        ends = np.cumsum([len(batch) for batch in batches]).tolist()
        for batch, end in zip(batches[device::devices], ends[device::devices], strict=True):
            yield [(index, self.epoch, end - len(batch) + slot) for slot, index in enumerate(batch.tolist())]

    @abstractmethod
    def _count(self) -> int:
        """Return the number of batches in an epoch, over all devices."""

    @abstractmethod
    def _batches(self, generator: np.random.Generator) -> list[Indices]:
        """Draw the indices of every batch of an epoch, over all devices."""


class ShuffledSampler(BatchSampler):
    """Every sample once, in random order; a last batch of one is left out, as batch norm needs two.

    With weights, as many draws as samples, with replacement.
    """

    def _count(self) -> int:
        full, rest = divmod(len(self.labels), self.batch_size)
        return full + (rest > 1)

    def _batches(self, generator: np.random.Generator) -> list[Indices]:
        if self.weights is None:
            return self._cut(generator.permutation(len(self.labels)))
        return self._drawn(generator, self.weights)

    def _drawn(self, generator: np.random.Generator, weights: NDArray[np.float64]) -> list[Indices]:
        count = len(self.labels)
        return self._cut(generator.choice(count, count, p=weights / weights.sum()))

    def _cut(self, order: Indices) -> list[Indices]:
        return [order[start : start + self.batch_size] for start in self._starts()]

    def _starts(self) -> range:
        return range(0, self._count() * self.batch_size, self.batch_size)


class WeightedSampler(ShuffledSampler):
    """As many draws as samples, with replacement, every class as likely as the others.

    With weights, they hold among the samples of a class.
    """

    def _batches(self, generator: np.random.Generator) -> list[Indices]:
        _, classes = np.unique(self.labels, return_inverse=True)
        weights = np.ones(len(classes)) if self.weights is None else self.weights
        return self._drawn(generator, weights / np.bincount(classes, weights)[classes])


class BalancedBatchSampler(BatchSampler):
    """Every sample at least once, and at least `min_positive` positives in every batch.

    Positives are spread evenly over the batches; where they are too few, they come again, each equally often.

    Args:
        labels: (N,) label of every training sample, -1 = unlabelled.
        batch_size: Samples a batch at most, on each device.
        seed: Seed of the order.
        positive: Label of the positive class.
        weights: `None`.
        min_positive: Fewest positives a batch.

    Raises:
        UserError: There are no positives, `min_positive` does not leave room for another sample, or there
            are weights.
    """

    def __init__(
        self,
        labels: Indices,
        batch_size: int,
        seed: int,
        positive: int = 1,
        weights: NDArray[np.float64] | None = None,
        min_positive: int = 1,
    ) -> None:
        super().__init__(labels, batch_size, seed, positive)
        if weights is not None:
            raise UserError(
                "expected data sets without weights, found data.weights; choose sampler=shuffled or weighted"
            )
        self.positives = np.flatnonzero(labels == positive)
        self.others = np.flatnonzero(labels != positive)
        self.min_positive = min_positive
        if not len(self.positives):
            raise UserError("expected positive training samples, found none; choose sampler=shuffled")
        if not 1 <= min_positive < batch_size:
            raise UserError(
                f"expected sampler.min_positive from 1 to below data.batch_size ({batch_size}), "
                f"found {min_positive}; raise data.batch_size or lower sampler.min_positive"
            )

    def _count(self) -> int:
        room = self.batch_size - self.min_positive
        return max(-(-len(self.labels) // self.batch_size), -(-len(self.others) // room))

    def _batches(self, generator: np.random.Generator) -> list[Indices]:
        count = self._count()
        wanted = max(len(self.positives), count * self.min_positive)
        rounds = -(-wanted // len(self.positives))
        positives = np.concatenate([generator.permutation(self.positives) for _ in range(rounds)])[:wanted]
        others = generator.permutation(self.others)
        # the larger parts of one come first, of the other last: no batch outgrows batch_size
        parts = zip(np.array_split(positives, count), np.array_split(others, count)[::-1], strict=True)
        return [generator.permutation(np.concatenate(part)) for part in parts]


class InOrderSampler(SequentialSampler):
    """Every sample once, in order; with several devices the first ones again, to come out even."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return -(-self.count // _devices()[1])

    def __iter__(self) -> Iterator[Draw]:  # type: ignore[override]  # the base yields int
        device, devices = _devices()
        for index in range(device, len(self) * devices, devices):
            yield (index % self.count, 0, index)


def _devices() -> tuple[int, int]:
    """Return this process's rank and the number of processes that train together."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return 0, 1
    return torch.distributed.get_rank(), torch.distributed.get_world_size()
