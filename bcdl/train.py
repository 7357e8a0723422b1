"""`bcdl train`: one run, from its configuration to its tested best checkpoint, alone or in a sweep."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lightning import Callback, Trainer, seed_everything
from omegaconf import DictConfig

from bcdl.assemble import build_data, build_model, build_trainer
from bcdl.checkpoints import best_checkpoint, check_keep, fitted, mark_fitted, record_best, tidy
from bcdl.conclude import SPLITS, conclude, draw_curves, infer
from bcdl.data import ExamDataModule
from bcdl.distributed import joined_config, require_one_start, shared_fit
from bcdl.errors import UserError
from bcdl.failures import explained, headline
from bcdl.judge import require_nothing_afterwards, settings_of
from bcdl.lineage import Plan, last_checkpoint, plan_run, require_same_data, run_config
from bcdl.mistakes import check_values
from bcdl.models import Classifier, Pruning, StaysStopped, load_checkpoint
from bcdl.notebook import restore
from bcdl.record import earlier_run, open_job, open_run, record_configuration, record_inputs
from bcdl.results import VALIDATION
from bcdl.scores import monitored_metric
from bcdl.subject import Subject
from bcdl.sweeps.member import LOG_VARIABLE, Member, prunes
from bcdl.tracking import RunLogger, TrackedRun, TrackingStore, was_interrupted
from bcdl.tracking.tags import PRUNED_TAG
from bcdl.trained import Training

COMMAND = "bcdl train"


@dataclass(frozen=True)
class Outcome:
    """What a run has come to.

    Attributes:
        results: its metrics, those of the best checkpoint on the validation samples among them.
        pruned: whether its sweep gave it up.
    """

    results: Mapping[str, float]
    pruned: bool


def main(cfg: DictConfig) -> float | None:
    """Train, validate and test one configuration.

    Returns:
        `best/val/<monitor>`; None for a job of a sweep that has nothing to do any more.
    """
    require_one_start()
    store = TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment, deliver=cfg.trial is None)
    member = Member.of(cfg)
    return _alone(cfg, store) if member is None else _as_job(cfg, store, member)


def join(folder: Path) -> None:
    """Take part in the fit of a run that another process owns.

    Args:
        folder: the run's folder.
    """
    cfg = joined_config(folder)
    store = TrackingStore.open(cfg.tracking.root, cfg.tracking.experiment, deliver=False)
    data = build_data(cfg)
    data.prepare()
    model = _seeded_model(cfg, data, store)
    _fit(build_trainer(cfg, folder, None, _callbacks_of_job(cfg)), model, data, folder)


def checked_data(cfg: DictConfig) -> ExamDataModule:
    """Return the data of a configuration whose values have been checked; nothing is read yet."""
    check_keep(cfg.keep)
    settings_of(cfg)
    require_nothing_afterwards(cfg)
    monitored_metric(cfg.callbacks.best.monitor)
    return build_data(cfg)


def _alone(cfg: DictConfig, store: TrackingStore) -> float:
    """Do a run that belongs to no sweep; a mistake that is found before it is open leaves none."""
    plan = plan_run(cfg, store)
    data = checked_data(plan.cfg)
    if plan.resumed is not None:
        data.prepare()
        require_same_data(store, plan.resumed, data)
    with open_run(plan, store) as run, explained(data.batch_size, str(run.folder)):
        outcome = _run(run, plan, data)
    tidy(run.folder, plan.cfg.keep)
    return _score(plan.cfg, outcome.results)


def _as_job(cfg: DictConfig, store: TrackingStore, member: Member) -> float | None:
    """Do what the sweep wants of this job, and tell it how that ended once the run has."""
    task = member.claim()
    if task.kind == "none":
        return None
    with _told(member):
        earlier = earlier_run(store, member, task)
        if task.kind == "test":
            return _test(store, member, str(earlier))
        if earlier is not None and store.status(earlier) == "FINISHED":  # its process died before it told
            member.opened(earlier)
            recorded = store.client.get_run(earlier).data
            outcome = Outcome(recorded.metrics, PRUNED_TAG in recorded.tags)
        else:
            earlier, outcome = _fit_job(cfg, store, member, earlier)
        tidy(store.folder(earlier), cfg.keep)
        if outcome.pruned:
            member.pruned(outcome.results)
        else:
            member.finished(outcome.results)
    return _score(cfg, outcome.results)


def _fit_job(
    cfg: DictConfig, store: TrackingStore, member: Member, earlier: str | None
) -> tuple[str, Outcome]:
    """Do the run of a job, or go on with it; whatever fails from here on, there is a run that says so."""
    with open_job(store, member, earlier) as run:
        member.opened(run.id)
        check_values(cfg, COMMAND)
        plan = plan_run(cfg, store)
        _require_testable(plan.cfg)
        data = checked_data(plan.cfg)
        with explained(data.batch_size, str(run.folder)):
            outcome = _run(run, plan, data, member)
        if outcome.pruned:
            run.set_tags({PRUNED_TAG: "true"})
        else:
            member.check(outcome.results)
    return run.id, outcome


def _test(store: TrackingStore, member: Member, run_id: str) -> float:
    """Test the best checkpoint of a job that was fitted without a look at the test samples."""
    cfg = run_config(store, run_id)
    data, model = restore(cfg, run_id, store)
    device = build_trainer(cfg, store.folder(run_id), None).strategy.root_device
    with TrackedRun.reopen(store, run_id) as run, explained(data.batch_size, str(run.folder)):
        subject, training = Subject.of(data, model), Training.recorded(store, run_id)
        results = conclude(run, cfg, subject, infer(model, data, device), training)
    member.finished(results)
    return _score(cfg, results)


def _run(run: TrackedRun, plan: Plan, data: ExamDataModule, member: Member | None = None) -> Outcome:
    """Fit, choose the best checkpoint, and record what it is worth."""
    record_configuration(run, plan)
    data.prepare()
    if run.resumed:
        require_same_data(run.store, run.id, data)
    data.require_splits()
    cfg = plan.cfg
    model = _seeded_model(cfg, data, run.store)
    record_inputs(run, cfg, data, model)
    logger = RunLogger(run)
    further = _callbacks_of_job(cfg, member.report if member else None)
    trainer = build_trainer(cfg, run.folder, logger, further)
    best = best_checkpoint(run)
    if not fitted(run.folder, cfg).whole:
        with shared_fit(cfg, run.folder, trainer.world_size):
            _fit(trainer, model, data, run.folder)
        mark_fitted(run.folder, cfg, pruned=_was_pruned(further))
    pruned = fitted(run.folder, cfg).pruned
    best_epoch = load_checkpoint(model, best)["epoch"] + 1
    curves = draw_curves(run, logger.history, best_epoch, cfg.evaluate.figures)
    splits = SPLITS if member is None or (cfg.sweep.test == "all" and not pruned) else (VALIDATION,)
    predictions = infer(model, data, trainer.strategy.root_device, splits)
    results = conclude(run, cfg, Subject.of(data, model), predictions, Training.of(run, data, curves))
    record_best(run, model, cfg.keep)
    return Outcome(results, pruned)


def _require_testable(cfg: DictConfig) -> None:
    if cfg.sweep.test == "best" and cfg.keep == "none":
        raise UserError(
            "sweep.test=best tests the best configuration at the end, from its checkpoint, and keep=none "
            "keeps none; set keep=best, or sweep.test=all or none"
        )


def _callbacks_of_job(cfg: DictConfig, report: Callable[[float, int], bool] | None = None) -> list[Callback]:
    """Return what the fit of a job of a sweep needs in each of its processes; only the first one reports."""
    if cfg.get("trial") is None:
        return []
    pruning = [Pruning(cfg.callbacks.best.monitor, report)] if prunes(cfg) else []
    return [StaysStopped(), *pruning]


def _was_pruned(callbacks: Sequence[Callback]) -> bool:
    return any(isinstance(each, Pruning) and each.pruned for each in callbacks)


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
            member.failed(headline(error, COMMAND), os.environ.get(LOG_VARIABLE))
        raise
