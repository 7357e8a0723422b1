"""What a training run records about itself before it trains: configuration, origin, data, model, samples."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from hydra.core.hydra_config import HydraConfig
from lightning.pytorch.utilities.model_summary.model_summary import ModelSummary
from omegaconf import DictConfig, OmegaConf

from bcdl.data import ExamDataModule
from bcdl.lineage import CONFIG, FINGERPRINT_TAG, OVERRIDES, Plan
from bcdl.models import Classifier
from bcdl.sheets import sample_sheet
from bcdl.sweeps.member import Member, Task
from bcdl.tracking import TrackedRun, TrackingStore, log_provenance
from bcdl.tracking.lookup import tagged
from bcdl.tracking.places import parameters

SAMPLES = 16
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


def open_job(store: TrackingStore, member: Member, task: Task) -> TrackedRun:
    """Open the run of a job of a sweep: a new one, nested under the sweep's, or the one that it has."""
    known = task.run or (tagged(store.client, store.experiment_id, member.tags) if task.perhaps else None)
    if known is not None:
        return TrackedRun.resume(store, known)
    place = [f"t{member.number}", *([f"f{member.fold}"] if member.fold is not None else []), f"s{member.seed}"]
    stem = "-".join([_stem(HydraConfig.get().runtime.choices), *place])
    return TrackedRun.start(store, stem, parent=member.parent, tags=member.tags)


def record_configuration(run: TrackedRun, plan: Plan) -> None:
    """Record the resolved configuration, the headline and overridden parameters, and the origin."""
    run.log_text(OmegaConf.to_yaml(plan.cfg, resolve=True), CONFIG)
    log_provenance(run)
    if plan.resumed is not None:
        run.log_params({"max_epochs": plan.cfg.trainer.max_epochs})
    else:
        run.log_text(OmegaConf.to_yaml(OmegaConf.create(plan.overrides)), OVERRIDES)
        run.log_params(_parameters(plan))


def record_inputs(run: TrackedRun, cfg: DictConfig, data: ExamDataModule, model: Classifier) -> None:
    """Record the data and its splits, a sheet of training samples as the model sees them, and the model."""
    fingerprint = data.fingerprint()
    run.log_input(data.source.name, fingerprint, _origin(cfg))
    run.set_tags({FINGERPRINT_TAG: fingerprint})
    run.log_table(_split_counts(data), "splits.csv")
    run.log_figure(sample_sheet(data, "train", SAMPLES), "samples.png")
    run.log_text(str(ModelSummary(model, max_depth=2)), "model_summary.txt")
    run.log_metrics({"parameters": sum(parameter.numel() for parameter in model.parameters())})


def _stem(choices: Mapping[str, str]) -> str:
    return "-".join(choices[group] for group in ("model", "encoder", "data"))


def _origin(cfg: DictConfig) -> str:
    return str(cfg.data.reader["_target_"]) if "reader" in cfg.data else ", ".join(cfg.data.stores)


def _parameters(plan: Plan) -> dict[str, Any]:
    chosen = {group: plan.choices[group] for group in _HEADLINE_CHOICES}
    valued = {name: OmegaConf.select(plan.cfg, key) for name, key in _HEADLINE_KEYS.items()}
    known = {*chosen, *_HEADLINE_KEYS.values()}
    dotted = {key: value for key, value in parameters(plan.overrides).items() if key not in known}
    return {**chosen, **valued, **dotted}


def _split_counts(data: ExamDataModule) -> pd.DataFrame:
    """Return samples, patients and samples of each class, a row a split."""
    known = data.samples[data.samples["label"].notna()]
    names = known["label"].map(dict(enumerate(data.classes)))
    counts = known.groupby("split", sort=False).agg(
        samples=("sample_id", "size"), patients=("patient_id", "nunique")
    )
    return counts.join(pd.crosstab(known["split"], names)).reset_index()
