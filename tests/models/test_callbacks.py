from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bcdl.errors import UserError
from bcdl.models import Autoencoder, BestCheckpoint, EarlyStopping

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
