from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from lightning import LightningModule, Trainer
from torch import Tensor

from bcdl.data import BalancedBatchSampler, Batch, ExamDataModule, ShuffledSampler, WeightedSampler
from bcdl.data.store import cache_folder
from bcdl.errors import UserError
from bcdl.transforms import CLAHE, Augment

Make = Callable[..., ExamDataModule]
STRONG = Augment(rotate=20, flip=0.5, brightness=0.2, noise=0.1)


def epoch(data: ExamDataModule, number: int = 0) -> list[Batch]:
    loader = data.train_dataloader()
    loader.batch_sampler.set_epoch(number)
    return list(loader)


def same(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(left[name], right[name]) for left, right in zip(one, other, strict=True) for name in left
    )


@pytest.mark.parametrize(("unit", "views"), [("image", 1), ("breast", 2), ("exam", 4), ("patient", 8)])
def test_every_unit_gives_the_same_kind_of_batch(
    make_data: Make, memory_reader: type, unit: str, views: int
) -> None:
    data = make_data(memory_reader(exams=2, drop_every=1000), unit=unit)
    data.setup()
    assert data.max_views == views
    batch = epoch(data)[0]
    assert batch["image"].shape == (4, views, 1, 12, 8)
    assert batch["image"].dtype == torch.uint8
    for name in ("view_mask", "view", "laterality", "time"):
        assert batch[name].shape == (4, views)
    assert batch["label"].shape == batch["index"].shape == (4,)
    assert (data.channels, data.image_size, data.num_classes) == (1, (12, 8), 2)


def test_labels_and_index_point_into_the_sample_table(make_data: Make) -> None:
    data = make_data()
    for split in ("train", "val", "test"):
        for batch in data.loader(split):
            rows = data.samples.loc[batch["index"].tolist()]
            assert rows["label"].tolist() == batch["label"].tolist()
            assert set(rows["split"]) == {split}


def test_label_1_is_the_positive_of_two_classes_whatever_the_source_s_coding(
    make_data: Make, memory_reader: type
) -> None:
    data = make_data(memory_reader(classes=("malignant", "benign"), positive="malignant"), unit="image")
    assert data.classes == ("benign", "malignant")
    assert data.positive_label == 1
    source = data.source.reader.read().images.set_index("image_id")["label"]
    for sample in data.samples.itertuples():
        assert sample.label == 1 - source[sample.sample_id]


def test_a_patient_s_samples_lie_in_one_split(make_data: Make, memory_reader: type) -> None:
    samples = make_data(memory_reader(patients=40, exams=2), unit="breast").samples
    assert (samples.groupby("patient_id")["split"].nunique() == 1).all()


def test_statistics_are_learnt_on_the_training_split_alone(make_data: Make) -> None:
    data = make_data()
    data.setup("fit")
    training = np.flatnonzero(data.table.images["split"] == "train")
    pixels = np.stack([data.store[row] for row in training]).astype(np.float64)
    state = data.state_dict()["preprocess"]
    assert state["mean"] == pytest.approx(pixels.mean())
    assert state["std"] == pytest.approx(pixels.std())


def test_loaded_statistics_are_not_learnt_anew(make_data: Make) -> None:
    data = make_data()
    data.load_state_dict({"preprocess": {"mean": 1.0, "std": 2.0}})
    data.setup("test")
    assert data.state_dict() == {"preprocess": {"mean": 1.0, "std": 2.0}}


def test_images_are_normalised_on_the_device_and_empty_slots_stay_zero(make_data: Make) -> None:
    data = make_data()
    data.setup()
    batch = next(iter(data.loader("train")))
    raw = batch["image"].float()
    image = data.on_after_batch_transfer(batch, 0)["image"]
    mean, std = (data.state_dict()["preprocess"][name] for name in ("mean", "std"))
    mask = batch["view_mask"]
    assert not mask.all()
    torch.testing.assert_close(image[mask], (raw[mask] - mean) / std)
    assert (image[~mask] == 0).all()


def test_16_bit_images_are_normalised_too(make_data: Make, memory_reader: type) -> None:
    data = make_data(memory_reader(dtype="uint16"))
    data.setup()
    batch = data.on_after_batch_transfer(next(iter(data.loader("train"))), 0)
    assert batch["image"].dtype == torch.float32


@pytest.mark.parametrize("sampler", [ShuffledSampler, WeightedSampler, BalancedBatchSampler])
def test_two_workers_give_the_same_bits_as_none(make_data: Make, sampler: Any) -> None:
    alone = make_data(augment=STRONG, sampler=sampler, preprocess=CLAHE())
    shared = make_data(augment=STRONG, sampler=sampler, preprocess=CLAHE(), num_workers=2)
    assert same(epoch(alone, 1), epoch(shared, 1))
    assert not same(epoch(alone, 1), epoch(alone, 2))


def test_inference_is_in_order_and_unaugmented_unless_asked(make_data: Make) -> None:
    data = make_data(augment=STRONG)
    plain = list(data.loader("train"))
    expected = data.samples.index[data.samples["split"] == "train"].tolist()
    assert torch.cat([batch["index"] for batch in plain]).tolist() == expected
    assert same(plain, list(data.loader("train")))
    assert not same(plain, list(data.loader("train", augmented=True)))


def test_a_loader_leaves_the_global_random_state_alone(make_data: Make) -> None:
    data = make_data(augment=STRONG)
    before = torch.get_rng_state()
    epoch(data)
    list(data.val_dataloader())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("policy", "labels"), [("drop", {0, 1}), ("keep", {-1, 0, 1})])
def test_unlabelled_samples_train_where_asked_and_are_never_evaluated(
    make_data: Make, memory_reader: type, policy: str, labels: set[int]
) -> None:
    data = make_data(memory_reader(patients=40, unlabelled_every=3), unlabelled=policy)
    assert set(torch.cat([batch["label"] for batch in data.loader("train")]).tolist()) == labels
    for split in ("val", "test"):
        assert -1 not in torch.cat([batch["label"] for batch in data.loader(split)])
    predicted = torch.cat([batch["index"] for batch in data.predict_dataloader()])
    assert predicted.tolist() == list(range(len(data.samples)))


def test_balanced_batches_hold_the_positive_class_of_more_than_two(
    make_data: Make, memory_reader: type
) -> None:
    reader = memory_reader(patients=30, classes=("normal", "benign", "cancer"))
    data = make_data(reader=reader, sampler=partial(BalancedBatchSampler, min_positive=2), batch_size=6)
    data.prepare()
    data.samples["label"] = pd.array(np.arange(len(data.samples)) % 3, dtype="Int64")
    assert data.positive_label == 2
    assert all((batch["label"] == 2).sum() >= 2 for batch in data.train_dataloader())


def test_a_batch_larger_than_the_training_data_is_an_error(make_data: Make) -> None:
    with pytest.raises(UserError, match=r"data.batch_size from 1 to .* found 500"):
        make_data(batch_size=500).train_dataloader()


def test_breasts_without_a_side_are_warned_of(
    make_data: Make, memory_reader: type, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_data(unit="breast").prepare()
    assert "without a side" not in caplog.text
    read = memory_reader.read
    monkeypatch.setattr(
        memory_reader,
        "read",
        lambda self: replace(read(self), images=read(self).images.assign(laterality="NA")),
    )
    make_data(unit="breast").prepare()
    assert "takes both breasts for one" in caplog.text


def test_an_empty_split_is_an_error(make_data: Make, memory_reader: type) -> None:
    data = make_data(memory_reader(split="test"))
    data.setup("test")
    assert list(data.test_dataloader())
    with pytest.raises(UserError, match="train samples in memory, found none"):
        data.train_dataloader()


@pytest.mark.parametrize(
    "choice",
    [
        {"unit": "study"},
        {"on_bad_image": "ignore"},
        {"on_patient_overlap": "x"},
        {"drop_duplicates": "y"},
        {"unlabelled": "yes"},
        {"val_fraction": 1.5},
    ],
)
def test_bad_arguments_are_errors_before_anything_is_read(make_data: Make, choice: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="expected data"):
        make_data(**choice)


def test_the_fingerprint_follows_the_data(make_data: Make, memory_reader: type, tmp_path: Path) -> None:
    one = make_data().fingerprint()
    assert make_data(store=tmp_path / "elsewhere").fingerprint() == one
    assert make_data(seed=5, batch_size=2).fingerprint() == one
    assert make_data(split_seed=1).fingerprint() != one
    assert make_data(memory_reader(size=(14, 8))).fingerprint() != one


def test_stores_lie_in_the_user_s_cache_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "bcdl" / "stores"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "bcdl" / "stores"


def test_nothing_is_printed(make_data: Make, capfd: pytest.CaptureFixture[str]) -> None:
    data = make_data()
    data.setup()
    epoch(data)
    assert capfd.readouterr() == ("", "")


class Recorder(LightningModule):
    """Trains one weight and remembers the batches of every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen: dict[int, list[Tensor]] = {}

    def training_step(self, batch: Batch) -> Tensor:
        self.seen.setdefault(self.current_epoch, []).append(batch["image"])
        return (batch["image"].mean(dim=(1, 2, 3, 4)) * self.weight).sum()

    def validation_step(self, batch: Batch) -> Tensor:
        assert batch["image"].dtype == torch.float32
        return batch["index"]

    predict_step = test_step = validation_step

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(folder: Path, epochs: int) -> Trainer:
    return Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


# LeafSpec: https://github.com/Lightning-AI/pytorch-lightning/issues/21326
lightning_warnings = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:GPU available but not used",
    "ignore:.*LeafSpec:FutureWarning",
)


@lightning_warnings
def test_a_resumed_epoch_has_the_same_batches_to_the_bit(make_data: Make, tmp_path: Path) -> None:
    whole, first, second = Recorder(), Recorder(), Recorder()
    trainer(tmp_path, 3).fit(whole, make_data(augment=STRONG))
    half = trainer(tmp_path, 1)
    half.fit(first, make_data(augment=STRONG))
    half.save_checkpoint(tmp_path / "half.ckpt")
    trainer(tmp_path, 3).fit(
        second, make_data(augment=STRONG), ckpt_path=tmp_path / "half.ckpt", weights_only=True
    )
    assert sorted(second.seen) == [1, 2]
    for number, batches in (first.seen | second.seen).items():
        assert all(torch.equal(one, other) for one, other in zip(batches, whole.seen[number], strict=True))
    assert torch.equal(second.weight, whole.weight)


@lightning_warnings
def test_lightning_runs_every_split(make_data: Make, tmp_path: Path) -> None:
    model, data = Recorder(), make_data()
    trainer(tmp_path, 1).fit(model, data)
    trainer(tmp_path, 1).test(model, data, verbose=False)
    predicted = trainer(tmp_path, 1).predict(model, data)
    assert torch.cat(predicted).tolist() == list(range(len(data.samples)))
