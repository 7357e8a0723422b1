"""Callbacks of training: one random state a batch, the best checkpoint, early stopping."""

from typing import Any

import lightning.pytorch.callbacks as lightning_callbacks
import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from bcdl.errors import UserError
from bcdl.models.classifier import Classifier
from bcdl.scores import better


class BatchSeed(Callback):
    """Seed torch from (seed, epoch, batch, rank) before every training batch.

    Dropout and other draws are then the same in a resumed run as in one that was never interrupted. Once an
    epoch would not do: a data loader draws too, and at another time after a resume.

    Args:
        seed: The run's seed.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        """Seed the generators of the CPU and of all accelerators."""
        entropy = [self.seed, trainer.current_epoch, batch_idx, trainer.global_rank]
        torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))


class BestCheckpoint(ModelCheckpoint):
    """Keep the checkpoint of the best epoch; those in which the classifier does not learn yet do not count.

    Args:
        monitor: `val/` and the name of a metric; which way it is better follows from it.
        filename: Name of the file, without its suffix.

    Raises:
        UserError: Another monitor, or no epoch in which the classifier learns.
    """

    def __init__(self, monitor: str, filename: str = "best") -> None:
        super().__init__(
            monitor=monitor,
            mode=better(monitor),
            filename=filename,
            auto_insert_metric_name=False,
            enable_version_counter=False,
        )

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse a fit in which the classifier never learns."""
        epochs, pretraining = trainer.max_epochs or 0, getattr(pl_module, "pretrain_epochs", 0)
        if 0 < epochs <= pretraining:
            raise UserError(
                f"expected trainer.max_epochs above model.pretrain_epochs={pretraining}, found {epochs}: the "
                "classifier would never learn"
            )

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the monitored metric unless the model is pre-training."""
        if not _pretraining(pl_module):
            super().on_validation_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the monitored metric unless the model is pre-training."""
        if not _pretraining(pl_module):
            super().on_train_epoch_end(trainer, pl_module)


class EarlyStopping(lightning_callbacks.EarlyStopping):
    """Stop when the monitored metric did not improve for a while.

    Epochs in which the classifier does not learn yet do not count. A metric that is NaN, as on validation
    samples of one class, is no improvement. A run that stopped and is resumed has its patience anew.

    Args:
        monitor: `val/` and the name of a metric; which way it is better follows from it.
        patience: Epochs without improvement.
        min_delta: Least change that is an improvement.

    Raises:
        UserError: Another monitor.
    """

    def __init__(self, monitor: str, patience: int, min_delta: float = 0.0) -> None:
        super().__init__(monitor, min_delta, patience, mode=better(monitor), check_finite=False)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget that an earlier process stopped: this one was asked to go on."""
        if self.wait_count >= self.patience:
            self.wait_count = 0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the monitored metric unless the model is pre-training."""
        if not _pretraining(pl_module):
            super().on_train_epoch_end(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the monitored metric unless the model is pre-training."""
        if not _pretraining(pl_module):
            super().on_validation_end(trainer, pl_module)


def _pretraining(module: LightningModule) -> bool:
    return isinstance(module, Classifier) and module.pretraining
