from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from bcdl.errors import UserError
from bcdl.models import Autoencoder, BestCheckpoint, EarlyStopping, Pruning, StaysStopped

Make = Callable[..., Any]


@pytest.mark.parametrize("callback", [BestCheckpoint, lambda monitor: EarlyStopping(monitor, patience=3)])
@pytest.mark.parametrize(("monitor", "mode"), [("val/auroc", "max"), ("val/brier", "min")])
def test_which_way_is_better_follows_from_the_metric(callback: Make, monitor: str, mode: str) -> None:
    assert callback(monitor).mode == mode


@pytest.mark.parametrize("monitor", ["auroc", "test/auroc", "val/auc", "train/loss"])
def test_a_run_is_judged_by_a_metric_of_its_validation_samples(monitor: str) -> None:
    with pytest.raises(UserError, match=f"callbacks.best.monitor .*found '{monitor}'"):
        BestCheckpoint(monitor)


def test_the_best_checkpoint_is_none_of_the_pre_training(
    build: Make, batches: Make, fit: Make, tmp_path: Any
) -> None:
    model = build(Autoencoder, latent=5, pretrain_epochs=2)
    best = BestCheckpoint("val/auroc")
    best.dirpath = str(tmp_path)
    lucky = torch.tensor([1.0, 0.9, 0.1, 0.3])  # of each epoch: the untrained head's are the best
    model.log_metrics = lambda split: (
        model.log("val/auroc", lucky[model.current_epoch]) if split == "val" else None
    )
    fit(model, batches(), max_epochs=4, callbacks=[best], enable_checkpointing=True)
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] == 3


def test_a_classifier_that_would_never_learn_is_refused(build: Make, batches: Make, fit: Make) -> None:
    model = build(Autoencoder, latent=5, pretrain_epochs=3)
    best = BestCheckpoint("val/auroc")
    with pytest.raises(UserError, match=r"max_epochs above model.pretrain_epochs=3, found 3"):
        fit(model, batches(), max_epochs=3, callbacks=[best], enable_checkpointing=True)


def test_a_metric_that_is_not_defined_is_no_improvement_and_no_end() -> None:
    stopping = EarlyStopping("val/auroc", patience=2)
    stop, _ = stopping._evaluate_stopping_criteria(torch.tensor(torch.nan))
    assert (stop, stopping.wait_count) == (False, 1)


def test_a_run_that_stopped_has_its_patience_anew_when_it_goes_on(build: Make) -> None:
    stopping = EarlyStopping("val/auroc", patience=2)
    trainer: Any = SimpleNamespace()
    for waited, left in ((1, 1), (2, 0)):
        stopping.wait_count = waited
        stopping.on_train_start(trainer, build())
        assert stopping.wait_count == left


class Report:
    """Stands for the sweep: takes what is told, and gives the fit up at one epoch."""

    def __init__(self, give_up: int | None = None) -> None:
        self.give_up = give_up
        self.told: list[int] = []

    def __call__(self, value: float, epoch: int) -> bool:
        assert 0 <= value <= 1
        self.told.append(epoch)
        return epoch == self.give_up


def test_a_fit_that_its_sweep_gives_up_ends_with_that_epoch(build: Make, batches: Make, fit: Make) -> None:
    report = Report(give_up=1)
    pruning = Pruning("val/auroc", report)
    trainer = fit(build(), batches(), max_epochs=4, callbacks=[pruning])
    assert (report.told, pruning.pruned, trainer.current_epoch) == ([0, 1], True, 2)


def test_a_fit_that_ends_by_itself_is_not_given_up(build: Make, batches: Make, fit: Make) -> None:
    report = Report(give_up=1)
    pruning = Pruning("val/auroc", report)
    fit(build(), batches(), max_epochs=2, callbacks=[pruning])
    assert (report.told, pruning.pruned) == ([0, 1], False)


def test_epochs_of_pre_training_are_not_told(build: Make, batches: Make, fit: Make) -> None:
    report = Report()
    model = build(Autoencoder, latent=5, pretrain_epochs=2)
    fit(model, batches(), max_epochs=4, callbacks=[Pruning("val/auroc", report)])
    assert report.told == [2, 3]


def last_checkpoint(folder: Any) -> ModelCheckpoint:
    return ModelCheckpoint(folder, "last", save_on_train_epoch_end=True, enable_version_counter=False)


def test_a_fit_that_was_given_up_stays_so_after_the_death_of_its_process(
    build: Make, batches: Make, fit: Make, tmp_path: Any
) -> None:
    first = [Pruning("val/auroc", Report(give_up=1)), last_checkpoint(tmp_path)]
    fit(build(), batches(), max_epochs=5, enable_checkpointing=True, callbacks=first)
    report, path = Report(), str(tmp_path / "last.ckpt")
    again = [Pruning("val/auroc", report), last_checkpoint(tmp_path)]
    trainer = fit(
        build(), batches(), max_epochs=5, enable_checkpointing=True, callbacks=again, ckpt_path=path
    )
    assert (report.told, trainer.current_epoch) == ([], 2)
    assert again[0].pruned


@pytest.mark.parametrize(("stays", "epochs"), [(True, 3), (False, 5)])
def test_a_fit_that_had_stopped_goes_on_only_where_that_is_asked_for(
    stays: bool, epochs: int, build: Make, batches: Make, fit: Make, tmp_path: Any
) -> None:
    def run(ckpt_path: str | None = None) -> int:
        model = build()
        model.log_metrics = lambda split: model.log("val/auroc", 0.5) if split == "val" else None
        stopping = EarlyStopping("val/auroc", patience=2)
        callbacks = [*([StaysStopped()] if stays else []), stopping, last_checkpoint(tmp_path)]
        settings = {"enable_checkpointing": True, "callbacks": callbacks, "ckpt_path": ckpt_path}
        return fit(model, batches(), max_epochs=9, **settings).current_epoch

    assert run() == 3
    assert run(str(tmp_path / "last.ckpt")) == epochs
