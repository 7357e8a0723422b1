"""From a composed configuration to the objects of a run."""

from collections.abc import Sequence
from pathlib import Path

from lightning import Callback, Trainer
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig

from bcdl.data import ExamDataModule
from bcdl.errors import UserError
from bcdl.models import Classifier, WholeCheckpoints
from bcdl.quiet import hush
from bcdl.sources import build_source, instantiated
from bcdl.tracking import TrackingStore

RUN_WEIGHTS, BEST_WEIGHTS = "run:", "checkpoints/best.ckpt"


def build_data(cfg: DictConfig) -> ExamDataModule:
    """Return the data of a configuration; nothing is read before its `prepare()`."""
    data = cfg.data
    return ExamDataModule(
        source=build_source(cfg),
        preprocess=instantiated(cfg.preprocess),
        augment=instantiated(cfg.augment),
        sampler=instantiated(cfg.sampler),
        unit=data.unit,
        newest_exams=data.newest_exams,
        on_extra_view=data.on_extra_view,
        unlabelled=data.unlabelled,
        batch_size=data.batch_size,
        num_workers=data.num_workers,
        tabular="encoder" in cfg and _reads(cfg.encoder) == "tabular",
        require_test=data.test_fraction > 0,
        fit_seed=data.split_seed,
        seed=cfg.seed,
    )


def build_model(
    cfg: DictConfig, data: ExamDataModule, store: TrackingStore | None, pretrained: bool = True
) -> Classifier:
    """Return the model of a configuration for prepared data.

    Args:
        cfg: the composed configuration.
        data: prepared data: channels, image size and classes come from it.
        store: where `encoder.weights=run:<id>` finds that run's best checkpoint; None where no weights
            are a run's.
        pretrained: False leaves the encoder's weights at random, for a model about to be loaded.
    """
    weights = _local_weights(cfg.encoder.get("weights"), store) if pretrained else None
    start = {"weights": weights} if pretrained else {"weights": None, "pretrained": False}
    declared = {key: value for key, value in start.items() if key in cfg.encoder}
    encoder = instantiated(cfg.encoder, in_channels=data.channels, **declared)
    loss = instantiated(cfg.loss)
    loss.fit_counts(data.class_counts())
    model: Classifier = instantiated(
        cfg.model,
        encoder=encoder,
        num_classes=data.num_classes,
        image_size=data.image_size,
        channels=data.channels,
        loss=loss,
        optimizer=instantiated(cfg.optimizer),
        scheduler=instantiated(cfg.scheduler),
    )
    return model


def build_trainer(
    cfg: DictConfig, folder: Path, logger: Logger | None, further: Sequence[Callback] = ()
) -> Trainer:
    """Return the trainer of a configuration; checkpoints go to `folder`.

    Args:
        cfg: the composed configuration.
        folder: the run's folder.
        logger: where metrics go, if anywhere.
        further: callbacks before those of the configuration.
    """
    hush()
    callbacks = [callback for callback in instantiated(cfg.callbacks).values() if callback is not None]
    for callback in callbacks:
        if isinstance(callback, ModelCheckpoint):
            callback.dirpath = str(folder)
    trainer: Trainer = instantiated(
        cfg.trainer,
        callbacks=[*further, *callbacks],
        logger=logger or False,
        plugins=[WholeCheckpoints(), LightningEnvironment()],
        default_root_dir=str(folder),
    )
    return trainer


def _reads(encoder: DictConfig) -> str:
    """Return what an encoder takes of a batch, before it is built; one that does not say takes the image."""
    return str(getattr(instantiated(encoder, _partial_=True).func, "reads", "image"))


def _local_weights(weights: str | None, store: TrackingStore | None) -> str | None:
    if store is None or weights is None or not weights.startswith(RUN_WEIGHTS):
        return weights
    run_id = store.resolve(weights.removeprefix(RUN_WEIGHTS))
    return str(best_weights(store, run_id))


def best_weights(store: TrackingStore, run_id: str) -> Path:
    """Return the file of a run's best checkpoint.

    Raises:
        UserError: it was not kept.
    """
    if not store.has_artifact(run_id, BEST_WEIGHTS):
        raise UserError(
            f"the run {run_id[:8]} has no checkpoint: it was trained with keep=none, or did not get that "
            f"far. Train one with it: bcdl train from={run_id[:8]} keep=best"
        )
    return store.download(run_id, BEST_WEIGHTS)
