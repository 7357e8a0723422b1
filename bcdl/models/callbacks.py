"""Callbacks of training: one random state a batch, the best checkpoint, early stopping, pruning."""

from collections.abc import Callable
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


class Pruning(Callback):
    """End a fit that its sweep gives up, after the epoch that showed it.

    Epochs in which the classifier does not learn yet do not count; the last one has nothing to end.

    Args:
        monitor: What is told of an epoch: `val/` and the name of a metric.
        report: Takes its value and the epoch, and returns whether to end; None in the further processes of a
            fit, which do as the first one.

    Attributes:
        pruned: Whether the fit was ended; that goes with its checkpoints, so it does not begin again.
    """

    def __init__(self, monitor: str, report: Callable[[float, int], bool] | None = None) -> None:
        self._monitor, self._report = monitor, report
        self.pruned = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End at once where an earlier process was told to."""
        trainer.should_stop = trainer.should_stop or self.pruned

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell the epoch's value, and end the fit in all its processes if told to."""
        value = trainer.callback_metrics.get(self._monitor)
        if value is None or trainer.sanity_checking or _pretraining(pl_module):
            return
        wanted = False
        if self._report is not None and trainer.is_global_zero:
            wanted = self._report(float(value), trainer.current_epoch)
        last = trainer.current_epoch + 1 == trainer.max_epochs
        if trainer.strategy.broadcast(wanted) and not last:
            self.pruned = trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """Return that the fit was ended, nothing otherwise."""
        return {"pruned": True} if self.pruned else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what an earlier process was told."""
        self.pruned = bool(state_dict["pruned"])


class StaysStopped(Callback):
    """Let a fit that early stopping had ended not go on where its process died before it could say so.

    Of `resume=` a user asks that it does go on. It stands before early stopping, which then forgets.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End at once where an earlier process had stopped."""
        if any(each.wait_count >= each.patience for each in trainer.early_stopping_callbacks):
            trainer.should_stop = True


def _pretraining(module: LightningModule) -> bool:
    return isinstance(module, Classifier) and module.pretraining
