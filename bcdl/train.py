"""`bcdl train`: one run, from its configuration to its tested best checkpoint, alone or as a job of a sweep."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lightning import Trainer, seed_everything
from omegaconf import DictConfig

from bcdl.assemble import build_data, build_model, build_trainer
from bcdl.checkpoints import best_checkpoint, check_keep, fitted, mark_fitted, record_best, tidy
from bcdl.conclude import SPLITS, VALIDATION, conclude, draw_curves, infer
from bcdl.data import ExamDataModule
from bcdl.distributed import joined_config, require_one_start, shared_fit
from bcdl.evaluation import check_rule, check_threshold
from bcdl.failures import explained, headline
from bcdl.lineage import Plan, last_checkpoint, plan_run, require_same_data, run_config
from bcdl.models import Classifier, Pruning, load_checkpoint
from bcdl.networks.weights import read_checkpoint
from bcdl.notebook import restore
from bcdl.record import open_job, open_run, record_configuration, record_inputs
from bcdl.scores import monitored_metric
from bcdl.sweeps.member import LOG_VARIABLE, PRUNED_TAG, Member, Task, prunes
from bcdl.tracking import RunLogger, TrackedRun, TrackingStore, was_interrupted


def main(cfg: DictConfig) -> float | None:
    """Train, validate and test one configuration; return `best/val/<monitor>`, None where there is nothing to do."""
    require_one_start()
    store = TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment)
    member = Member.of(cfg)
    if member is None:
        return _alone(cfg, store)
    with _told(member):
        task = member.claim()
        if task.kind == "none":
            return None
        return _test_again(store, member, str(task.run)) if task.kind == "test" else _job(cfg, store, member, task)


def join(folder: Path) -> None:
    """Take part in the fit of a run that another process owns.

    Args:
        folder: the run's folder.
    """
    cfg = joined_config(folder)
    data = build_data(cfg)
    data.prepare()
    model = _seeded_model(cfg, data, TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment))
    further = [Pruning(cfg.callbacks.best.monitor)] if prunes(cfg) else []
    _fit(build_trainer(cfg, folder, None, further), model, data, folder)


def _alone(cfg: DictConfig, store: TrackingStore) -> float:
    """Do a run that belongs to no sweep; a mistake that is found before it is open leaves none."""
    plan = plan_run(cfg, store)
    data = _checked_data(plan.cfg)
    if plan.resumed is not None:
        data.prepare()
        require_same_data(store, plan.resumed, data)
    with open_run(plan, store) as run, explained(data.batch_size, str(run.folder)):
        results = _run(run, plan, data, None)
    tidy(run.folder, plan.cfg.keep)
    return _score(plan.cfg, results)


def _job(cfg: DictConfig, store: TrackingStore, member: Member, task: Task) -> float:
    """Do the run of a job of a sweep, or go on with it; whatever fails, there is a run that says so."""
    with open_job(store, member, task) as run, explained(cfg.data.batch_size, str(run.folder)):
        member.opened(run.id)
        plan = plan_run(cfg, store)
        data = _checked_data(plan.cfg)
        results = _run(run, plan, data, member)
        if fitted(run.folder, plan.cfg).pruned:
            run.set_tags({PRUNED_TAG: "true"})
        else:
            member.check(results)
    if fitted(run.folder, plan.cfg).pruned:
        member.pruned(results)
    else:
        member.finished(results, tested=cfg.sweep.test == "all")
    tidy(run.folder, plan.cfg.keep)
    return _score(plan.cfg, results)


def _test_again(store: TrackingStore, member: Member, run_id: str) -> float:
    """Test the best checkpoint of a job that was fitted without looking at the test split."""
    cfg = run_config(store, run_id)
    data, model = restore(cfg, run_id, store)
    device = build_trainer(cfg, store.folder(run_id), None).strategy.root_device
    with TrackedRun.reopen(store, run_id) as run, explained(data.batch_size, str(run.folder)):
        results = conclude(run, cfg, data, infer(model, data, device))
    member.finished(results, tested=True)
    return _score(cfg, results)


def _run(run: TrackedRun, plan: Plan, data: ExamDataModule, member: Member | None) -> Mapping[str, float]:
    """Fit, choose the best checkpoint, and return the metrics that it has."""
    record_configuration(run, plan)
    data.prepare()
    if run.resumed:
        require_same_data(run.store, run.id, data)
    data.require_splits()
    cfg = plan.cfg
    model = _seeded_model(cfg, data, run.store)
    record_inputs(run, cfg, data, model)
    logger = RunLogger(run)
    pruning = Pruning(cfg.callbacks.best.monitor, member.report) if member and member.prunes else None
    trainer = build_trainer(cfg, run.folder, logger, [pruning] if pruning else [])
    best = best_checkpoint(run)
    if not fitted(run.folder, cfg).whole:
        with shared_fit(cfg, run.folder, trainer.world_size):
            _fit(trainer, model, data, run.folder)
        mark_fitted(run.folder, cfg, pruned=pruning is not None and pruning.pruned)
    load_checkpoint(model, best)
    draw_curves(run, logger.history, read_checkpoint(best)["epoch"] + 1, figures=cfg.evaluate.figures)
    splits = SPLITS if _tests(cfg, run.folder, member) else (VALIDATION,)
    results = conclude(run, cfg, data, infer(model, data, trainer.strategy.root_device, splits))
    record_best(run, model, cfg.keep)
    return results


def _checked_data(cfg: DictConfig) -> ExamDataModule:
    """Return the data of a configuration whose values have been checked; nothing is read yet."""
    check_keep(cfg.keep)
    check_threshold(cfg.evaluate.threshold)
    check_rule(cfg.evaluate.aggregate)
    monitored_metric(cfg.callbacks.best.monitor)
    return build_data(cfg)


def _tests(cfg: DictConfig, folder: Path, member: Member | None) -> bool:
    """Return whether a run looks at its test split now."""
    return member is None or (cfg.sweep.test == "all" and not fitted(folder, cfg).pruned)


def _score(cfg: DictConfig, results: Mapping[str, float]) -> float:
    return results[f"best/{cfg.callbacks.best.monitor}"]


def _seeded_model(cfg: DictConfig, data: ExamDataModule, store: TrackingStore) -> Classifier:
    seed_everything(cfg.seed, workers=True, verbose=False)
    return build_model(cfg, data, store)


def _fit(trainer: Trainer, model: Classifier, data: ExamDataModule, folder: Path) -> None:
    trainer.fit(model, data, ckpt_path=last_checkpoint(folder), weights_only=True)


@contextmanager
def _told(member: Member) -> Iterator[None]:
    """Let the sweep know how a job ended that did not come to its end."""
    try:
        yield
    except BaseException as error:
        if was_interrupted(error):
            member.killed()
        else:
            member.failed(headline(error), os.environ.get(LOG_VARIABLE))
        raise
