"""Progress of training: a live bar in a terminal, one line an epoch elsewhere."""

import sys
from time import monotonic

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar, RichProgressBar


def progress(monitor: str) -> ProgressBar:
    """Return a live bar where standard output is a terminal, else `EpochLine`."""
    return RichProgressBar() if sys.stdout.isatty() else EpochLine(monitor)


class EpochLine(ProgressBar):
    """Print epoch, training loss, the monitored metric and the seconds that the epoch took.

    Args:
        monitor: Name of the metric, such as `val/auroc`.
    """

    def __init__(self, monitor: str) -> None:
        super().__init__()
        self.monitor = monitor
        self._enabled = True
        self._start = 0.0

    def disable(self) -> None:
        """Print nothing, as on all ranks but the first."""
        self._enabled = False

    def enable(self) -> None:
        """Print again."""
        self._enabled = True

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the time."""
        self._start = monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line of the epoch."""
        metrics = trainer.callback_metrics  # on every device: reading them exchanges what is not reduced yet
        if not self._enabled:
            return
        shown = [
            f"{name} {float(metrics[name]):.4f}" for name in ("train/loss", self.monitor) if name in metrics
        ]
        place = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        print("  ".join([place, *shown, f"{monotonic() - self._start:.1f} s"]), flush=True)
