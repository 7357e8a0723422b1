"""What a training run records about itself before it trains: configuration, origin, data, model, samples."""

from collections.abc import Mapping
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from lightning.pytorch.utilities.model_summary.model_summary import ModelSummary
from omegaconf import DictConfig, OmegaConf

from bcdl.data import ExamDataModule
from bcdl.lineage import OVERRIDES, Plan
from bcdl.models import Classifier
from bcdl.sheets import sample_sheet
from bcdl.sweeps.member import Member, Task
from bcdl.tracking import TrackedRun, TrackingStore, log_provenance
from bcdl.tracking.artifacts import CONFIG
from bcdl.tracking.leftovers import deliver_leftovers
from bcdl.tracking.lookup import tagged
from bcdl.tracking.places import configured, parameters
from bcdl.tracking.tags import DESCRIPTION_TAG, FINGERPRINT_TAG
from bcdl.trained import split_counts

SAMPLES = 16
SHORT = 40  # characters of what varies in a run's name
_OF_SWEEPS = ("sweep", "trial")  # keys that say which job it is; its tags say so too
_IN_NAME = ("model", "encoder", "data")
_HEADLINE_CHOICES = (
    "model",
    "encoder",
    "data",
    "loss",
    "optimizer",
    "scheduler",
    "augment",
    "preprocess",
    "sampler",
)
_HEADLINE_KEYS = {
    "unit": "data.unit",
    "batch_size": "data.batch_size",
    "seed": "seed",
    "lr": "optimizer.lr",
    "max_epochs": "trainer.max_epochs",
}


def open_run(plan: Plan, store: TrackingStore) -> TrackedRun:
    """Open the run of a plan: a new one, or the one that goes on."""
    if plan.resumed is not None:
        return TrackedRun.resume(store, plan.resumed)
    return TrackedRun.start(store, _stem(plan.choices))


def earlier_run(store: TrackingStore, member: Member, task: Task) -> str | None:
    """Return the run that a job of a sweep has already, with all that a dead process had logged in it.

    A process that died between opening a run and telling the sweep left one that only its tags name.
    """
    known = task.run
    if task.perhaps and (orphan := tagged(store.client, store.experiment_id, member.tags)) is not None:
        store.client.update_run(orphan, name=f"{_stem_of_job(member)}-{orphan[:4]}")
        known = orphan
    if known is not None:
        deliver_leftovers(store.plain_client, store.folder(known).parent, only={known})
    return known


def open_job(store: TrackingStore, member: Member, earlier: str | None) -> TrackedRun:
    """Open the run of a job of a sweep: a new one, nested under the sweep's, or the one that it has."""
    if earlier is None:
        tags = {**member.tags, DESCRIPTION_TAG: _description(member)}
        return TrackedRun.start(store, _stem_of_job(member), parent=member.parent, tags=tags)
    run = TrackedRun.resume(store, earlier)
    run.set_tags(member.tags)  # the number of the try may be another
    return run


def record_configuration(run: TrackedRun, plan: Plan) -> None:
    """Record the resolved configuration, the headline and overridden parameters, and the origin."""
    run.hide(configured(cast(dict[str, Any], OmegaConf.to_container(plan.cfg, resolve=True))))
    run.log_text(OmegaConf.to_yaml(plan.cfg, resolve=True), CONFIG)
    if plan.resumed is None:
        run.log_text(OmegaConf.to_yaml(OmegaConf.create(plan.overrides)), OVERRIDES)
    log_provenance(run)
    run.log_params(_parameters(plan) if plan.resumed is None else {"max_epochs": plan.cfg.trainer.max_epochs})


def record_inputs(run: TrackedRun, cfg: DictConfig, data: ExamDataModule, model: Classifier) -> None:
    """Record the data and its splits, a sheet of training samples as the model sees them, and the model."""
    fingerprint = data.fingerprint()
    run.log_input(data.source.name, fingerprint, _origin(cfg))
    run.log_table(split_counts(data), "splits.csv")
    if cfg.evaluate.figures:
        run.log_figure(sample_sheet(data, "train", SAMPLES), "samples.png")
    run.log_text(str(ModelSummary(model, max_depth=2)), "model_summary.txt")
    run.set_tags({FINGERPRINT_TAG: fingerprint})
    if not (run.resumed and "parameters" in run.store.metrics(run.id)):
        run.log_metrics({"parameters": sum(parameter.numel() for parameter in model.parameters())})


def _stem(choices: Mapping[str, str]) -> str:
    return "-".join(choices[group] for group in _IN_NAME)


def _stem_of_job(member: Member) -> str:
    """Return such as `t3-f0-s1-lr=0.001-cnn-small_cnn-phantom`: what tells it from others first.

    The MLflow UI shows the first 18 characters or so. What varies is there if it is short.
    """
    values = {key.rpartition(".")[2]: value for key, value in member.varied.items() if key not in _IN_NAME}
    varied = "-".join(f"{key}={_short(value)}" for key, value in values.items())
    parts = [f"t{member.number}"]
    if member.fold is not None:
        parts.append(f"f{member.fold}")
    if member.repeated:
        parts.append(f"s{member.seed}")
    if varied and len(varied) <= SHORT:
        parts.append(varied)
    return "-".join([*parts, _stem(HydraConfig.get().runtime.choices)])


def _description(member: Member) -> str:
    """Return what the MLflow UI says above a job's run."""
    fold = "" if member.fold is None else f", fold {member.fold}"
    seed = f", seed {member.seed}" if member.repeated else ""
    varied = ", ".join(f"{key}={_short(value)}" for key, value in member.varied.items())
    return f"Trial {member.number}{fold}{seed} of sweep {member.sweep}: {varied}."


def _short(value: str) -> str:
    """Return a value as a person would write it: a fraction with three digits."""
    if value.lstrip("-").isdigit():
        return value
    try:
        return f"{float(value):.3g}"
    except ValueError:
        return value


def _origin(cfg: DictConfig) -> str:
    return str(cfg.data.reader["_target_"]) if "reader" in cfg.data else ", ".join(cfg.data.stores)


def _parameters(plan: Plan) -> dict[str, Any]:
    chosen = {group: plan.choices[group] for group in _HEADLINE_CHOICES}
    valued = {name: OmegaConf.select(plan.cfg, key) for name, key in _HEADLINE_KEYS.items()}
    known = {*chosen, *_HEADLINE_KEYS.values()}
    dotted = {
        key: value
        for key, value in parameters(plan.overrides).items()
        if key not in known and key.partition(".")[0] not in _OF_SWEEPS
    }
    return {**chosen, **valued, **dotted}
