"""What a run is to be: the configuration as composed, or that of an earlier run (`resume=`, `from=`)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from bcdl.assemble import RUN_WEIGHTS
from bcdl.errors import UserError
from bcdl.tracking import TrackingStore

CONFIG = "config.yaml"
OVERRIDES = "overrides.yaml"
LAST_CHECKPOINT = "last.ckpt"
BEST_CHECKPOINT = "best.ckpt"
_WEIGHTS = "encoder.weights"
_WITH_RESUME = ("resume", "trainer.max_epochs", "tracking.")


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
    hydra = HydraConfig.get()
    typed = list(hydra.overrides.task)
    if cfg.resume is not None:
        return _resumed(cfg, typed, store)
    if cfg["from"] is not None:
        return _pinned(_derived(cfg["from"], typed, store), store)
    return _pinned(Plan(cfg, typed, dict(hydra.runtime.choices)), store)


def run_config(store: TrackingStore, run_id: str) -> DictConfig:
    """Return the resolved configuration that a run was trained with."""
    cfg = OmegaConf.load(store.download(run_id, CONFIG))
    if not isinstance(cfg, DictConfig):
        raise UserError(f"the run {run_id} holds no configuration: its {CONFIG} is not a mapping")
    return cfg


def last_checkpoint(folder: Path) -> Path | None:
    """Return the checkpoint that a resumed run goes on from, in the run's folder; None for a new run."""
    path = folder / LAST_CHECKPOINT
    return path if path.exists() else None


def _resumed(cfg: DictConfig, typed: list[str], store: TrackingStore) -> Plan:
    other = [text for text in typed if not _key(text).startswith(_WITH_RESUME)]
    if other:
        raise UserError(
            f"resume= takes trainer.max_epochs only, found also {', '.join(other)}. "
            f"To change a run's configuration start a new one: bcdl train from={cfg.resume} {' '.join(other)}"
        )
    run_id = store.resolve(cfg.resume)
    resumed = run_config(store, run_id)
    resumed.tracking = cfg.tracking
    if "trainer.max_epochs" in map(_key, typed):
        resumed.trainer.max_epochs = cfg.trainer.max_epochs
    if (
        store.client.get_run(run_id).info.status == "FINISHED"
        and not (store.folder(run_id) / LAST_CHECKPOINT).exists()
    ):
        raise UserError(
            f"the run {run_id} is finished and its last checkpoint was not kept (keep={resumed.keep}). "
            f"Train with keep=all to be able to go on, or start a new run: bcdl train from={run_id}"
        )
    return Plan(resumed, [], {}, resumed=run_id)


def _derived(reference: str, typed: list[str], store: TrackingStore) -> Plan:
    run_id = store.resolve(reference)
    typed = [text for text in typed if _key(text) != "from"]
    earlier = OmegaConf.to_container(OmegaConf.load(store.download(run_id, OVERRIDES)))
    overrides = [*_without(map(str, earlier or []), {_key(text) for text in typed}), *typed]
    cfg = compose("train", overrides=overrides, return_hydra_config=True)
    choices = dict(cfg.hydra.runtime.choices)
    OmegaConf.set_struct(cfg, False)
    del cfg["hydra"]
    cfg["from"] = run_id
    return Plan(cfg, overrides, choices)


def _pinned(plan: Plan, store: TrackingStore) -> Plan:
    """Replace `run:latest` in `encoder.weights` by the run that it means before the plan's own exists."""
    weights = plan.cfg.encoder.get("weights")
    if weights is None or not weights.startswith(RUN_WEIGHTS):
        return plan
    plan.cfg.encoder.weights = RUN_WEIGHTS + store.resolve(weights.removeprefix(RUN_WEIGHTS))
    others = _without(plan.overrides, {_WEIGHTS})
    return replace(plan, overrides=[*others, f"{_WEIGHTS}={plan.cfg.encoder.weights}"])


def _without(overrides: Iterable[str], keys: set[str]) -> list[str]:
    return [text for text in overrides if _key(text) not in keys]


def _key(override: str) -> str:
    return override.split("=", 1)[0].lstrip("+~")
