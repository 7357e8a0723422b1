"""What a run is to be: the configuration as composed, or that of an earlier run (`resume=`, `from=`)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from bcdl.assemble import RUN_WEIGHTS
from bcdl.data import ExamDataModule
from bcdl.errors import UserError
from bcdl.networks.weights import read_checkpoint
from bcdl.tracking import TrackingStore
from bcdl.tracking.artifacts import CONFIG, JUDGED_BY
from bcdl.tracking.tags import FINGERPRINT_TAG, KIND_TAG, MEMBERS_TAG, PARENT_TAG

OVERRIDES = "overrides.yaml"
LAST_CHECKPOINT = "last.ckpt"
BEST_CHECKPOINT = "best.ckpt"
_WEIGHTS = "encoder.weights"
_WITH_RESUME = ("resume", "trainer.max_epochs", "tracking.")
_OF_SWEEP = ("trial", "sweep")


@dataclass(frozen=True)
class Plan:
    """One run, as planned.

    Args:
        cfg: its whole configuration.
        overrides: the overrides that composed it, as typed.
        choices: the choice of each config group.
        resumed: id of the run that goes on, None for a new one.
    """

    cfg: DictConfig
    overrides: list[str]
    choices: dict[str, str]
    resumed: str | None = None


def plan_run(cfg: DictConfig, store: TrackingStore) -> Plan:
    """Return the plan of this job: `cfg` itself, or what `resume=` or `from=` make of an earlier run.

    Raises:
        UserError: if the earlier run is unknown, or more than `trainer.max_epochs` is to change on resume.
    """
    if cfg.resume is not None and cfg["from"] is not None:
        raise UserError("resume= goes on with a run, from= starts a new one from it: give one of the two")
    if cfg.resume is not None and cfg.trial is not None:
        raise UserError(
            "resume= goes on with one run, without -m; a sweep goes on with `bcdl sweep resume <name>`"
        )
    hydra = HydraConfig.get()
    typed = list(hydra.overrides.task)
    if cfg.resume is not None:
        return _resumed(cfg, typed, store)
    if cfg["from"] is not None:
        return _pinned(_derived(cfg, typed, store), store)
    return _pinned(Plan(cfg, _of_run(typed), dict(hydra.runtime.choices)), store)


def _of_run(overrides: Iterable[str]) -> list[str]:
    """Return the overrides that make a run what it is, without those of the sweep that it is part of."""
    return [text for text in overrides if override_key(text).partition(".")[0] not in _OF_SWEEP]


def run_config(store: TrackingStore, run_id: str) -> DictConfig:
    """Return the resolved configuration that a run was trained with."""
    cfg = OmegaConf.load(store.download(run_id, CONFIG))
    if not isinstance(cfg, DictConfig):
        raise UserError(f"the run {run_id} holds no configuration: its {CONFIG} is not a mapping")
    return cfg


def require_trained(store: TrackingStore, run_id: str) -> None:
    """Raise UserError for a run that has no model of its own: an evaluation of others, or a sweep."""
    run = store.client.get_run(run_id)
    kind, members = run.data.tags.get(KIND_TAG, "train"), run.data.tags.get(MEMBERS_TAG)
    if kind == "train":
        return
    trained = f"one of {members}" if members else run.data.tags.get(PARENT_TAG, "the one that was trained")
    raise UserError(
        f"expected a run that was trained, found {run.info.run_name}, which is of kind {kind} and has no "
        f"model of its own; name {'a run of it' if kind == 'sweep' else trained}"
    )


def judged_by(store: TrackingStore, run_id: str) -> DictConfig:
    """Return the `evaluate` by which a run was judged last: `bcdl evaluate` may have changed it."""
    return cast(DictConfig, OmegaConf.load(store.download(run_id, JUDGED_BY)))


def last_checkpoint(folder: Path) -> Path | None:
    """Return the checkpoint that a resumed run goes on from, in the run's folder; None for a new run."""
    path = folder / LAST_CHECKPOINT
    return path if path.exists() else None


def override_key(override: str) -> str:
    """Return the key or group of an override, without `+` or `~`."""
    return override.split("=", 1)[0].lstrip("+~")


def require_same_data(store: TrackingStore, run_id: str, data: ExamDataModule) -> None:
    """Refuse to go on with a run on other data than it was trained on: its splits would be others too.

    Args:
        store: where the run lies.
        run_id: the run; one that ended before it recorded its data takes any.
        data: prepared data.

    Raises:
        UserError: if the data's fingerprint is not the one that the run has recorded.
    """
    recorded = store.client.get_run(run_id).data.tags.get(FINGERPRINT_TAG)
    if recorded and recorded != data.fingerprint():
        raise UserError(
            f"expected the data that run {run_id} was trained on (fingerprint {recorded[:12]}), found others "
            f"({data.fingerprint()[:12]}): table, splits or pixels have changed, so patients of the training "
            f"may be tested now. Bring the data back as they were, or train anew: bcdl train from={run_id}"
        )


def _resumed(cfg: DictConfig, typed: list[str], store: TrackingStore) -> Plan:
    other = [text for text in typed if not override_key(text).startswith(_WITH_RESUME)]
    if other:
        raise UserError(
            f"resume= takes trainer.max_epochs only, found also {', '.join(other)}. "
            f"To change a run's configuration start a new one: bcdl train from={cfg.resume} {' '.join(other)}"
        )
    run_id = store.resolve(cfg.resume)
    resumed = run_config(store, run_id)
    resumed.tracking, resumed.trial = cfg.tracking, None
    if "trainer.max_epochs" in map(override_key, typed):
        resumed.trainer.max_epochs = cfg.trainer.max_epochs
    _require_checkpoint(store, run_id, resumed)
    return Plan(resumed, [], {}, resumed=run_id)


def _require_checkpoint(store: TrackingStore, run_id: str, cfg: DictConfig) -> None:
    """Raise unless a run that has trained has the checkpoint to go on from, and epochs left."""
    path = last_checkpoint(store.folder(run_id))
    if path is None:
        if "train/loss" in store.metrics(run_id):
            raise UserError(
                f"expected the last checkpoint of run {run_id} in {store.folder(run_id)}, found none: it was "
                f"not kept (keep={cfg.keep}), or the run was trained elsewhere. Train with keep=all to be "
                f"able to go on, or start a new run: bcdl train from={run_id}"
            )
        return
    epochs = read_checkpoint(path)["epoch"] + 1
    if 0 <= cfg.trainer.max_epochs < epochs:
        raise UserError(
            f"expected trainer.max_epochs of {epochs} or more, which run {run_id} has trained already, "
            f"found {cfg.trainer.max_epochs}"
        )


def _derived(current: DictConfig, typed: list[str], store: TrackingStore) -> Plan:
    run_id = store.resolve(current["from"])
    typed = [text for text in typed if override_key(text) != "from"]
    earlier = OmegaConf.to_container(OmegaConf.load(store.download(run_id, OVERRIDES)))
    overrides = [*_without(map(str, earlier or []), {override_key(text) for text in typed}), *typed]
    cfg = compose("train", overrides=overrides, return_hydra_config=True)
    choices = dict(cfg.hydra.runtime.choices)
    OmegaConf.set_struct(cfg, False)
    del cfg["hydra"]
    cfg["from"] = run_id
    cfg.tracking = current.tracking
    return Plan(cfg, _of_run(overrides), choices)


def _pinned(plan: Plan, store: TrackingStore) -> Plan:
    """Replace `run:latest` in `encoder.weights` by the run that it means before the plan's own exists."""
    weights = plan.cfg.encoder.get("weights")
    if weights is None or not weights.startswith(RUN_WEIGHTS):
        return plan
    plan.cfg.encoder.weights = RUN_WEIGHTS + store.resolve(weights.removeprefix(RUN_WEIGHTS))
    others = _without(plan.overrides, {_WEIGHTS})
    return replace(plan, overrides=[*others, f"{_WEIGHTS}={plan.cfg.encoder.weights}"])


def _without(overrides: Iterable[str], keys: set[str]) -> list[str]:
    return [text for text in overrides if override_key(text) not in keys]
