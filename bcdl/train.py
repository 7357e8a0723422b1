"""`bcdl train`: one run, from its configuration to its tested best checkpoint."""

from pathlib import Path

from lightning import Trainer, seed_everything
from omegaconf import DictConfig

from bcdl.assemble import build_data, build_model, build_trainer
from bcdl.checkpoints import best_checkpoint, check_keep, settle
from bcdl.conclude import conclude, draw_curves, infer
from bcdl.data import ExamDataModule
from bcdl.distributed import joined_config, require_one_start, shared_fit
from bcdl.evaluation import check_rule, check_threshold
from bcdl.failures import explained
from bcdl.lineage import Plan, last_checkpoint, plan_run, require_same_data
from bcdl.models import Classifier, load_checkpoint
from bcdl.networks.weights import read_checkpoint
from bcdl.record import open_run, record_configuration, record_inputs
from bcdl.scores import monitored_metric
from bcdl.tracking import RunLogger, TrackedRun, TrackingStore


def main(cfg: DictConfig) -> float:
    """Train, validate and test one configuration; return `best/val/<monitor>`."""
    require_one_start()
    store = TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment)
    plan = plan_run(cfg, store)
    check_keep(plan.cfg.keep)
    check_threshold(plan.cfg.evaluate.threshold)
    check_rule(plan.cfg.evaluate.aggregate)
    monitored_metric(plan.cfg.callbacks.best.monitor)
    data = build_data(plan.cfg)
    if plan.resumed is not None:
        data.prepare()
        require_same_data(store, plan.resumed, data)
    with open_run(plan, store) as run, explained(data.batch_size, str(run.folder)):
        record_configuration(run, plan)
        data.prepare()
        data.require_splits()
        return _train(run, plan, data)


def join(folder: Path) -> None:
    """Take part in the fit of a run that another process owns.

    Args:
        folder: the run's folder.
    """
    cfg = joined_config(folder)
    data = build_data(cfg)
    data.prepare()
    model = _seeded_model(cfg, data, TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment))
    _fit(build_trainer(cfg, folder, None), model, data, folder)


def _train(run: TrackedRun, plan: Plan, data: ExamDataModule) -> float:
    cfg = plan.cfg
    model = _seeded_model(cfg, data, run.store)
    record_inputs(run, cfg, data, model)
    logger = RunLogger(run)
    trainer = build_trainer(cfg, run.folder, logger)
    best = best_checkpoint(run)
    with shared_fit(cfg, run.folder, trainer.world_size):
        _fit(trainer, model, data, run.folder)
    load_checkpoint(model, best)
    draw_curves(run, logger.history, read_checkpoint(best)["epoch"] + 1)
    score = conclude(run, cfg, data, infer(model, data, trainer.strategy.root_device))
    settle(run, model, cfg.keep)
    return score


def _seeded_model(cfg: DictConfig, data: ExamDataModule, store: TrackingStore) -> Classifier:
    seed_everything(cfg.seed, workers=True, verbose=False)
    return build_model(cfg, data, store)


def _fit(trainer: Trainer, model: Classifier, data: ExamDataModule, folder: Path) -> None:
    trainer.fit(model, data, ckpt_path=last_checkpoint(folder), weights_only=True)
