"""One batch of a configuration: forward, backward, one step, one validation batch. No run, no file that stays."""

from pathlib import Path
from tempfile import TemporaryDirectory

from lightning import seed_everything
from omegaconf import DictConfig, OmegaConf

from bcdl.assemble import build_data, build_model, build_trainer
from bcdl.failures import explained
from bcdl.tracking import TrackingStore

_ONE_BATCH = {
    "max_epochs": 1,
    "limit_train_batches": 1,
    "limit_val_batches": 1,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
}


def rehearse(cfg: DictConfig) -> str:
    """Do one batch of training and one of validation, and return the size of the model and of its batch.

    Raises:
        UserError: a mistake that a real run would find as well.
        RunError: the device has not enough memory, or the loss is not finite.
    """
    tried = OmegaConf.merge(cfg, {"trainer": _ONE_BATCH})
    tried.callbacks = {}
    store = TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment)
    with TemporaryDirectory() as folder, explained(cfg.data.batch_size, folder):
        data = build_data(tried)
        data.prepare()
        data.require_splits()
        seed_everything(cfg.seed, workers=True, verbose=False)
        model = build_model(tried, data, store)
        trainer = build_trainer(tried, Path(folder), None)
        trainer.fit(model, data)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return f"{parameters:,} parameters, one batch of {cfg.data.batch_size} on {trainer.strategy.root_device}"
