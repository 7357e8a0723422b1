"""Training speed beside a hand-written loop: `python benchmarks/throughput.py [folder of breastmnist.npz]`.

Both train the same model on the same data with the same augmentation and batch size, an epoch of one after
an epoch of the other in one process. bcdl has its defaults: metrics, clipping, schedule, moving average of
the weights, and every number recorded in an MLflow store. The loop clips, schedules and averages with
PyTorch's own classes, keeps all images in memory, and measures nothing. Neither validates or writes
checkpoints.
Targets: 0.95 of the loop's throughput on phantom exams with a ResNet-18, 0.85 on BreastMNIST with the CNN.
"""

import time
from copy import deepcopy
from pathlib import Path
from statistics import median

from commands import breastmnist_folder, load, scratch
from handwritten import HandWrittenLoop
from lightning import Callback, LightningModule, Trainer, seed_everything
from targets import Figure, show

from bcdl.assemble import build_data, build_model, build_trainer
from bcdl.configs import compose
from bcdl.tracking import RunLogger, TrackedRun, TrackingStore

PHANTOM_TARGET, BREASTMNIST_TARGET = 0.95, 0.85
PHANTOM_EPOCHS, BREASTMNIST_EPOCHS = 8, 16  # of each; the first does not count
PHANTOM = (
    "data=phantom",
    "data.reader.patients=48",
    "data.unit=exam",
    "data.batch_size=8",
    "encoder=resnet18",
)
FIT_ALONE = (
    "trainer.limit_val_batches=0",
    *("callbacks.best=null", "callbacks.last=null", "+trainer.enable_checkpointing=false"),
    *("callbacks.early_stopping=null", "callbacks.progress=null", "+trainer.enable_progress_bar=false"),
)


class Interleave(Callback):
    """Before each of bcdl's epochs, let the hand-written loop train one; time both.

    Args:
        loop: The hand-written loop.

    Attributes:
        ratios: Of the loop's seconds to bcdl's, an epoch each.
    """

    def __init__(self, loop: HandWrittenLoop) -> None:
        self.loop = loop
        self.ratios: list[float] = []
        self._loop_seconds, self._start = 0.0, 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close bcdl's epoch before this one, if any, and open the next."""
        if trainer.current_epoch:
            self._close_epoch()
        self._loop_seconds = self.loop.train_epoch()
        self._start = time.perf_counter()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the last epoch."""
        self._close_epoch()

    def _close_epoch(self) -> None:
        self.ratios.append(self._loop_seconds / (time.perf_counter() - self._start))


def main() -> None:
    breastmnist = breastmnist_folder()
    print(load())
    with scratch() as folder:
        ratio = relative_throughput(folder, PHANTOM_EPOCHS, *PHANTOM)
        figures = [Figure("phantom exams, resnet18", ratio, PHANTOM_TARGET, "of loop", at_least=True)]
        if breastmnist:
            options = ("data=breastmnist", f"data.root={breastmnist}")
            ratio = relative_throughput(folder, BREASTMNIST_EPOCHS, *options)
            figures.append(Figure("BreastMNIST, cnn", ratio, BREASTMNIST_TARGET, "of loop", at_least=True))
    show(figures)


def relative_throughput(folder: Path, epochs: int, *overrides: str) -> float:
    """Return the median of bcdl's throughput over the hand-written loop's, epoch by epoch.

    Args:
        folder: Where the trainer may write.
        epochs: How many each of the two trains.
        overrides: Of the configuration of `bcdl train`.
    """
    cfg = compose("train", [*overrides, *FIT_ALONE, f"trainer.max_epochs={epochs}"])
    seed_everything(cfg.seed, workers=True, verbose=False)
    store = TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment)
    data = build_data(cfg)
    data.setup()
    model = build_model(cfg, data, store)
    interleave = Interleave(HandWrittenLoop(deepcopy(model), data, epochs))
    with TrackedRun.start(store, "throughput") as run:
        trainer = build_trainer(cfg, folder, RunLogger(run))
        trainer.callbacks.append(interleave)  # type: ignore[attr-defined]
        trainer.fit(model, data)
    return median(interleave.ratios[1:])


if __name__ == "__main__":
    main()
