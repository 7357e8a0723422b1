from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from bcdl.models import CNN, EMA, Autoencoder, BatchSeed, EarlyStopping, Transfer, load_checkpoint, plateau

Make = Callable[..., Any]

CASES = {
    "dropout": (CNN, {"dropout": 0.5}, []),
    "ema": (CNN, {"dropout": 0.5}, [partial(EMA, decay=0.9)]),
    "variational": (Autoencoder, {"variational": True, "pretrain_epochs": 1}, []),
    "unfreezing": (Transfer, {"dropout": 0.5}, []),
}


class InterruptedRunError(Exception):
    pass


class Interruption(BatchSeed):
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == 2:
            raise InterruptedRunError


def checkpoints(folder: Path) -> list[Callback]:
    best = ModelCheckpoint(
        folder,
        "best",
        monitor="val/auroc",
        mode="max",
        auto_insert_metric_name=False,
        enable_version_counter=False,
    )
    last = ModelCheckpoint(folder, "last", save_on_train_epoch_end=True, enable_version_counter=False)
    return [best, last]


@pytest.mark.parametrize("name", CASES)
def test_a_resumed_run_ends_with_the_same_weights_to_the_bit(
    name: str, build: Make, batches: Make, fit: Make, tmp_path: Path
) -> None:
    model_class, settings, extra = CASES[name]
    data = batches()

    def callbacks(folder: Path, seed: type[BatchSeed] = BatchSeed) -> list[Callback]:
        return [seed(3), *(make() for make in extra), *checkpoints(folder)]

    whole = build(model_class, **settings)
    fit(whole, data, max_epochs=4, enable_checkpointing=True, callbacks=callbacks(tmp_path / "whole"))
    with pytest.raises(InterruptedRunError):
        fit(
            build(model_class, **settings),
            data,
            max_epochs=4,
            enable_checkpointing=True,
            callbacks=callbacks(tmp_path / "cut", Interruption),
        )
    resumed = build(model_class, **settings)
    fit(
        resumed,
        data,
        max_epochs=4,
        enable_checkpointing=True,
        callbacks=callbacks(tmp_path / "cut"),
        ckpt_path=str(tmp_path / "cut" / "last.ckpt"),
    )
    assert all(
        torch.equal(a, b)
        for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )


def test_last_is_the_last_epoch_and_not_the_best(
    build: Make, batches: Make, fit: Make, tmp_path: Path
) -> None:
    fit(build(), batches(), max_epochs=4, enable_checkpointing=True, callbacks=checkpoints(tmp_path))
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["epoch"] == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.ckpt", "last.ckpt"]


def test_ema_averages_the_weights_and_is_what_a_checkpoint_holds(
    build: Make, batches: Make, fit: Make, tmp_path: Path
) -> None:
    data = batches()
    plain = build(optimizer=partial(torch.optim.SGD, lr=0.1))
    steps = []
    plain.on_train_batch_end = lambda *_: steps.append(plain.head.layers[-1].weight.detach().clone())
    start = plain.head.layers[-1].weight.detach().clone()
    fit(plain, data, max_epochs=2)
    average = start
    for step, weight in enumerate(steps, start=1):
        decay = min(0.5, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weight

    model = build(optimizer=partial(torch.optim.SGD, lr=0.1))
    callbacks = [EMA(decay=0.5), *checkpoints(tmp_path)]
    fit(model, data, max_epochs=2, enable_checkpointing=True, callbacks=callbacks)
    assert torch.allclose(model.head.layers[-1].weight, average, atol=1e-6)
    loaded = build()
    load_checkpoint(loaded, tmp_path / "last.ckpt")
    assert torch.equal(loaded.eval()(data[0]), model.eval()(data[0]))
    trained = torch.load(tmp_path / "last.ckpt", weights_only=True)["trained_state_dict"]
    assert torch.equal(trained["head.layers.1.weight"], steps[-1])


def test_a_separate_classifier_is_validated_under_ema_too(build: Make, batches: Make, fit: Make) -> None:
    model = build(Transfer, mode="separate_classifier")
    trainer = fit(model, batches(), callbacks=[EMA()])
    assert trainer.callback_metrics["val/auroc"] > 0.6
    assert model.separate.fitted


def test_early_stopping_waits_for_pre_training(build: Make, batches: Make, fit: Make) -> None:
    def stopping() -> EarlyStopping:
        return EarlyStopping("val/loss", patience=1, min_delta=100.0)

    model = build(Autoencoder, latent=4, pretrain_epochs=4)
    assert fit(model, batches(), max_epochs=9, callbacks=[stopping()]).current_epoch == 6
    assert fit(build(), batches(), max_epochs=9, callbacks=[stopping()]).current_epoch == 2


def test_plateau_lowers_the_rate_when_the_metric_stalls(build: Make, batches: Make, fit: Make) -> None:
    model = build(optimizer=partial(torch.optim.SGD, lr=0.1))
    model.make_scheduler = partial(plateau, monitor="val/auroc", factor=0.5, patience=1)
    model.validation_step = lambda batch, batch_idx: model.log("val/auroc", torch.tensor(0.5), batch_size=1)
    optimizer = fit(model, batches(1), max_epochs=5).optimizers[0]
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.025)
