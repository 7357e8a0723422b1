"""The Lightning logger of bcdl: it hands numbers to the run's journal; the run's life is the verb's."""

from argparse import Namespace
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from bcdl.tracking.run import TrackedRun

CURVES = frozenset(f"{split}/{name}" for split in ("train", "val") for name in ("loss", "auroc", "accuracy"))
EPOCH = "epoch"  # Lightning adds it to every call


class RunLogger(Logger):
    """Logs what modules and callbacks report to a tracked run.

    Parameters and the status are the verb's: `log_hyperparams` logs nothing and `finalize` closes nothing.

    Attributes:
        history: learning curves by metric, a value a step, with those before a resumption.
    """

    def __init__(self, run: TrackedRun) -> None:
        super().__init__()
        self._run = run
        self._epochs = 0
        self.history = run.history(CURVES)

    @property
    def experiment(self) -> TrackedRun:
        """The tracked run."""
        return self._run

    @property
    def name(self) -> str:
        """Name of the run."""
        return self._run.name

    @property
    def version(self) -> str:
        """Id of the run."""
        return self._run.id

    @property
    def save_dir(self) -> str:
        """Local working folder of the run."""
        return str(self._run.folder)

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Log numbers at a step, without Lightning's `epoch`."""
        self._epochs = max(self._epochs, int(metrics.get(EPOCH, -1)) + 1)
        values = {name: value for name, value in metrics.items() if name != EPOCH}
        for name in CURVES & values.keys():
            self.history[name][step or 0] = values[name]
        if values:
            self._run.log_metrics(values, step or 0)

    @rank_zero_only
    def log_hyperparams(
        self,
        params: dict[str, Any] | Namespace,
        *args: Any,  # noqa: ANN401 - Lightning's signature
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Log nothing: the verb logs the parameters."""

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Log the number of epochs that were trained."""
        if self._epochs:
            self._run.log_metrics({"epochs": self._epochs}, self._epochs)
