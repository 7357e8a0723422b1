"""One batch of a configuration: forward, backward, one step, one validation batch. It leaves nothing behind.

Data are prepared as for a run, so that the image store is there when the run comes.
"""

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from lightning import Callback, LightningModule, Trainer, seed_everything
from omegaconf import DictConfig, OmegaConf, open_dict
from sklearn.exceptions import UndefinedMetricWarning

from bcdl.assemble import RUN_WEIGHTS, build_model, build_trainer
from bcdl.data import Batch
from bcdl.failures import explained
from bcdl.tracking import TrackingStore
from bcdl.train import checked_data

_ONE_BATCH = {
    "max_epochs": 1,
    "limit_train_batches": 1,
    "limit_val_batches": 1,
    "accumulate_grad_batches": 1,
    "devices": 1,
    "strategy": "auto",
    "enable_checkpointing": False,
    "enable_progress_bar": False,
}
_CALLBACKS = ("ema",)  # those that take part in a step


def rehearse(cfg: DictConfig) -> str:
    """Do one batch of training and one of validation, and return the size of the model and of its batch.

    Raises:
        UserError: a mistake that a run would find as well.
        RunError: the device has not enough memory, or the loss is not finite.
    """
    tried = _one_batch_of(cfg)
    data = checked_data(cfg)
    with TemporaryDirectory() as folder, explained(data.batch_size, folder):
        data.prepare()
        data.require_splits()
        seed_everything(cfg.seed, workers=True, verbose=False)
        model = build_model(tried, data, _store_of_weights(tried))
        seen = _Batch()
        trainer = build_trainer(tried, Path(folder), None, [seen])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)  # one batch need not hold every class
            trainer.fit(model, data)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return f"{parameters:,} parameters, a batch of {seen.shape} on {trainer.strategy.root_device}"


def _one_batch_of(cfg: DictConfig) -> DictConfig:
    tried = cfg.copy()
    with open_dict(tried):
        tried.trainer = OmegaConf.merge(OmegaConf.create({**tried.trainer}), _ONE_BATCH)
        tried.callbacks = {key: value for key, value in cfg.callbacks.items() if key in _CALLBACKS}
    return tried


def _store_of_weights(cfg: DictConfig) -> TrackingStore | None:
    """Return the tracking store where the encoder begins with the weights of an earlier run."""
    if not str(cfg.encoder.get("weights")).startswith(RUN_WEIGHTS):
        return None
    return TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment, create=False, deliver=False)


class _Batch(Callback):
    """Remembers the shape of the batch."""

    shape = ""

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        self.shape = " x ".join(map(str, batch["image"].shape))
