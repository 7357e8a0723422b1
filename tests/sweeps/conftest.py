"""Settings of sweeps as `conf/sweep/` gives them, and a small ledger without Hydra, MLflow or torch."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf
from optuna.trial import TrialState, create_trial

from bcdl.configs import compose
from bcdl.sweeps.ledger import Ledger, Trial
from bcdl.sweeps.settings import Settings

MONITOR = "val/auroc"
OBJECTIVE = "best/val/auroc"


@cache
def _node(sampler: str) -> DictConfig:
    node = compose("train", [f"sweep={sampler}"]).sweep
    return OmegaConf.create(OmegaConf.to_container(node, resolve=True))


@pytest.fixture
def settings_of() -> Callable[..., Settings]:
    """The settings of a sampler with some keys changed, `prune` as a mapping of its own keys."""

    def build(sampler: str = "grid", monitor: str = MONITOR, **changed: object) -> Settings:
        node = _node(sampler).copy()
        for key, value in changed.items():
            OmegaConf.update(node, key, value, merge=True, force_add=True)
        return Settings.of(node, monitor)

    return build


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A new ledger of a sweep called `s` that maximises one metric."""
    made = Ledger.create("s", tmp_path, None, ("maximize",))
    made.note(definition={"objectives": [OBJECTIVE]}, parent="p" * 32, varied=["optimizer.lr"])
    return made


@pytest.fixture
def begun(ledger: Ledger) -> Callable[..., Trial]:
    """Begins a try at a configuration, with so many jobs."""

    def begin(number: int, jobs: int = 1, overrides: Sequence[str] = ("optimizer.lr=0.1",)) -> Trial:
        attributes = {"number": number, "overrides": list(overrides), "jobs": jobs}
        return ledger.add(create_trial(state=TrialState.RUNNING, user_attrs=attributes))

    return begin
