from collections import Counter
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed
from lightning import LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from bcdl.data.sampling import (
    BalancedBatchSampler,
    BatchSampler,
    Draw,
    InOrderSampler,
    ShuffledSampler,
    WeightedSampler,
)
from bcdl.errors import UserError

LABELS = np.array([1] * 6 + [0] * 44)
SAMPLERS: list[Callable[..., BatchSampler]] = [ShuffledSampler, WeightedSampler, BalancedBatchSampler]


def indices(batches: list[list[Draw]]) -> list[list[int]]:
    return [[draw[0] for draw in batch] for batch in batches]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_and_epoch_give_the_same_batches(sampler: Callable[..., BatchSampler]) -> None:
    one, other = sampler(LABELS, 8, seed=1), sampler(LABELS, 8, seed=1)
    one.set_epoch(3)
    list(one)
    other.set_epoch(3)
    assert list(one) == list(other)
    other.set_epoch(4)
    assert indices(list(one)) != indices(list(other))
    assert indices(list(sampler(LABELS, 8, seed=2))) != indices(list(sampler(LABELS, 8, seed=1)))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_draws_carry_the_epoch_and_count_positions(sampler: Callable[..., BatchSampler]) -> None:
    batches = sampler(LABELS, 8, seed=0)
    batches.set_epoch(5)
    draws = [draw for batch in batches for draw in batch]
    assert {draw[1] for draw in draws} == {5}
    assert [draw[2] for draw in draws] == list(range(len(draws)))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_length_is_the_number_of_batches(sampler: Callable[..., BatchSampler]) -> None:
    for size in (2, 7, 8, 49, 50):
        batches = sampler(LABELS, size, seed=0)
        assert len(list(batches)) == len(batches)


def test_shuffled_draws_every_sample_once() -> None:
    drawn = np.concatenate(indices(list(ShuffledSampler(LABELS, 8, seed=0)))).tolist()
    assert sorted(drawn) == list(range(50))


def test_a_last_batch_of_one_is_left_out() -> None:
    assert [len(batch) for batch in ShuffledSampler(LABELS, 7, seed=0)] == [7] * 7
    assert len(list(ShuffledSampler(LABELS, 1, seed=0))) == 50


def test_weighted_draws_classes_equally_often() -> None:
    labels = np.array([1] * 20 + [0] * 980)
    drawn = np.concatenate(indices(list(WeightedSampler(labels, 50, seed=0))))
    assert labels[drawn].mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("sampler", [ShuffledSampler, WeightedSampler])
def test_weights_say_how_often_a_sample_is_drawn(sampler: Callable[..., BatchSampler]) -> None:
    labels = np.zeros(1000, np.int64)
    weights = np.where(np.arange(1000) < 100, 9.0, 1.0)  # a tenth of the samples, half of the weight
    weights[500:] = 0
    batches = sampler(labels, 50, seed=0, weights=weights)
    drawn = np.concatenate(indices(list(batches)))
    assert len(drawn) == 1000
    assert (drawn < 100).mean() == pytest.approx(900 / 1300, abs=0.05)
    assert drawn.max() < 500
    batches.set_epoch(1)
    assert indices(list(batches)) != indices(list(sampler(labels, 50, seed=0, weights=weights)))


def test_even_weights_are_none_to_the_weighted_sampler() -> None:
    even = WeightedSampler(LABELS, 8, seed=0, weights=np.full(50, 0.5))
    assert list(even) == list(WeightedSampler(LABELS, 8, seed=0))


def test_classes_stay_balanced_and_weights_hold_within_them() -> None:
    many = np.arange(4000) < 1000  # a quarter of the samples, most of the positives, and little weight
    labels = np.where(many, np.arange(4000) % 2, np.arange(4000) % 100 == 0).astype(np.int64)
    weights = np.where(many, 1 / 1000, 3 / 3000)
    drawn = np.concatenate(indices(list(WeightedSampler(labels, 50, seed=0, weights=weights))))
    assert labels[drawn].mean() == pytest.approx(0.5, abs=0.03)
    for label in (0, 1):
        of_class = labels == label
        share = weights[many & of_class].sum() / weights[of_class].sum()
        assert many[drawn][labels[drawn] == label].mean() == pytest.approx(share, abs=0.03)


def test_balanced_batches_refuse_weights() -> None:
    with pytest.raises(UserError, match=r"found data\.weights; choose sampler=shuffled or weighted"):
        BalancedBatchSampler(LABELS, 8, seed=0, weights=np.ones(50))


@pytest.mark.parametrize("positives", [1, 6, 20, 49])
@pytest.mark.parametrize("size", [3, 8, 17])
@pytest.mark.parametrize("least", [1, 2])
def test_every_balanced_batch_holds_the_least_number_of_positives(
    positives: int, size: int, least: int
) -> None:
    labels = (np.arange(50) < positives).astype(np.int64)
    batches = indices(list(BalancedBatchSampler(labels, size, seed=0, min_positive=least)))
    assert min(labels[batch].sum() for batch in batches) >= least
    assert max(map(len, batches)) <= size
    counts = Counter(chain.from_iterable(batches))
    assert set(counts) == set(range(50))
    assert max(counts[index] for index in range(positives, 50)) <= 1
    positive = [counts[index] for index in range(positives)]
    assert max(positive) - min(positive) <= 1


@pytest.mark.parametrize(
    ("labels", "least", "match"),
    [([0] * 10, 1, "positive"), ([1] * 10, 4, "from 1 to below data.batch_size"), ([1] * 10, 0, "found 0")],
)
def test_an_impossible_balance_is_an_error(labels: list[int], least: int, match: str) -> None:
    with pytest.raises(UserError, match=match):
        BalancedBatchSampler(np.array(labels), 4, seed=0, min_positive=least)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_batch_larger_than_the_data_is_an_error(sampler: Callable[..., BatchSampler]) -> None:
    with pytest.raises(UserError, match=r"training samples \(50\), found 51"):
        sampler(LABELS, 51, seed=0)


def as_device(monkeypatch: pytest.MonkeyPatch, rank: int, world: int) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: rank)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: world)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("size", "world"), [(8, 2), (8, 3), (40, 4)])
def test_devices_share_the_batches_evenly(
    sampler: Callable[..., BatchSampler], size: int, world: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = indices(list(sampler(LABELS, size, seed=0)))
    shares = []
    for rank in range(world):
        as_device(monkeypatch, rank, world)
        batches = sampler(LABELS, size, seed=0)
        shares.append(list(batches))
        assert len(shares[-1]) == len(batches) == -(-len(alone) // world)
    dealt = [batch for turn in zip(*shares, strict=True) for batch in indices(list(turn))]
    assert dealt[: len(alone)] == alone
    positions = [draw[2] for share in shares for batch in share for draw in batch]
    assert len(set(positions)) == len(positions)


def test_devices_share_an_evaluation_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = []
    for rank in range(3):
        as_device(monkeypatch, rank, 3)
        shares.append([draw[0] for draw in InOrderSampler(7)])
        assert len(InOrderSampler(7)) == 3
    assert shares == [[0, 3, 6], [1, 4, 0], [2, 5, 1]]


class Numbers(Dataset[Tensor]):
    """Gives a draw back as a tensor."""

    def __len__(self) -> int:
        return len(LABELS)

    def __getitem__(self, draw: Any) -> Tensor:
        return torch.tensor(draw)


class Recorder(LightningModule):
    """Trains nothing and remembers the draws of every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen: dict[int, list[list[int]]] = {}

    def training_step(self, batch: Tensor) -> Tensor:
        self.seen.setdefault(self.current_epoch, []).append(batch[:, 0].tolist())
        assert set(batch[:, 1].tolist()) == {self.current_epoch}
        return self.weight.sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def train(
    folder: Path, epochs: int, sampler: BatchSampler, resume: Path | None = None
) -> tuple[Trainer, Recorder]:
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    model = Recorder()
    loader = DataLoader(Numbers(), batch_sampler=sampler)
    trainer.fit(model, loader, ckpt_path=None if resume is None else str(resume), weights_only=True)
    return trainer, model


@pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers")
@pytest.mark.filterwarnings("ignore:GPU available but not used")
# https://github.com/Lightning-AI/pytorch-lightning/issues/21326
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_lightning_sets_the_epoch_also_right_after_a_resume(
    tmp_path: Path, sampler: Callable[..., BatchSampler]
) -> None:
    _, whole = train(tmp_path, 4, sampler(LABELS, 8, seed=0))
    trainer, first = train(tmp_path, 2, sampler(LABELS, 8, seed=0))
    trainer.save_checkpoint(tmp_path / "two.ckpt")
    _, second = train(tmp_path, 4, sampler(LABELS, 8, seed=0), resume=tmp_path / "two.ckpt")
    assert sorted(second.seen) == [2, 3]
    assert first.seen | second.seen == whole.seen
    assert whole.seen[0] != whole.seen[1]
