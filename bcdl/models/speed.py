"""How fast training goes: seconds an epoch, images a second."""

from time import monotonic
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT


class Speed(Callback):
    """Log `epoch_seconds` and `images_per_second` of every epoch; missing views do not count."""

    def __init__(self) -> None:
        self._start = 0.0
        self._images = 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._start = monotonic()
        self._images = 0

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,  # noqa: ANN401 - Lightning's signature
        batch_idx: int,
    ) -> None:
        """Count the batch's views."""
        self._images += batch["view_mask"].sum()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the epoch's figures."""
        seconds = monotonic() - self._start
        images = float(self._images) * trainer.world_size
        values = {"epoch_seconds": seconds, "images_per_second": images / seconds}
        pl_module.log_dict(values, sync_dist=True)
