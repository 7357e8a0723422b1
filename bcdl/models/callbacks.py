"""Callbacks of training: one random state a batch, and early stopping that waits for pre-training."""

from typing import Any

import lightning.pytorch.callbacks as lightning_callbacks
import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer

from bcdl.models.classifier import Classifier


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


class EarlyStopping(lightning_callbacks.EarlyStopping):
    """Lightning's early stopping, which does not count epochs in which the classifier does not learn yet."""

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
