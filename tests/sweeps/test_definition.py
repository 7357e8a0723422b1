import json
from collections.abc import Callable
from typing import Any

import pytest

from bcdl.errors import UserError
from bcdl.sweeps.definition import definition, difference
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.space import Space

Build = Callable[..., Settings]
TYPED = ["data=phantom", "model=cnn,cnn_rnn", "optimizer.lr=tag(log,interval(1e-5,1e-2))"]


@pytest.fixture
def define(settings_of: Build) -> Callable[..., dict[str, Any]]:
    """The definition of a search, as it is read back from a storage."""

    def build(*typed: str, sampler: str = "tpe", **changed: object) -> dict[str, Any]:
        settings = settings_of(sampler, **changed)
        space = Space.of(typed, settings.space, settings.when, searching=settings.searching)
        found: dict[str, Any] = json.loads(json.dumps(definition(settings, space, typed)))
        return found

    return build


def test_a_definition_holds_what_identifies_a_sweep(define: Callable[..., dict[str, Any]]) -> None:
    assert define(
        *TYPED, "sweep=tpe", "hydra/launcher=local", "tracking.root=x", folds=5, seeds=2, seed=4
    ) == {
        "sampler": "tpe",
        "space": {"model": "choice(cnn,cnn_rnn)", "optimizer.lr": "tag(log,interval(1e-05,0.01))"},
        "fixed": {"data": "phantom"},
        "n_trials": 20,
        "folds": 5,
        "seeds": 2,
        "objectives": ["best/val/auroc"],
        "prune": None,
        "seed": 4,
        "config": {},
    }


def test_a_study_s_own_values_and_conditions_are_part_of_it(define: Callable[..., dict[str, Any]]) -> None:
    study = {"space": {"data": "phantom", "model": "cnn,cnn_rnn", "model.state": [32, 64]}}
    found = define("a=1", **study, when={"model.state": "model=cnn_rnn"})
    assert found["fixed"] == {"a": "1", "data": "phantom"}
    assert found["space"]["model.state"] == "choice(32,64) where model=cnn_rnn"


@pytest.mark.parametrize(
    "changed",
    [
        {"n_trials": 21},
        {"batch": 4},
        {"retries": 2},
        {"max_failures": None},
        {"test": "none"},
        {"storage": "sqlite:///x.db"},
        {"stale_after": 60},
        {"name": "other"},
        {"prune.percentile": 10.0},
    ],
)
def test_what_only_says_how_a_sweep_is_run_may_change(
    define: Callable[..., dict[str, Any]], changed: dict[str, object]
) -> None:
    assert difference(define(*TYPED), define(*TYPED, **changed)) == []


@pytest.mark.parametrize(
    "more",
    ["hydra/launcher=local", "hydra.launcher.n_jobs=4", "tracking.root=x", "sweep.retries=1", "trial=null"],
)
def test_another_launcher_or_place_of_runs_makes_no_other_sweep(
    define: Callable[..., dict[str, Any]], more: str
) -> None:
    assert difference(define(*TYPED), define(*TYPED, more)) == []


def test_another_spelling_makes_no_other_sweep(define: Callable[..., dict[str, Any]]) -> None:
    spelled = ["data=phantom", "model=choice(cnn, cnn_rnn)", "optimizer.lr=tag(log, interval(0.00001, 0.01))"]
    assert difference(define(*TYPED), define(*spelled)) == []


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        ({"n_trials": 10}, ["- sweep.n_trials: 20", "+ sweep.n_trials: 10"]),
        ({"seed": 1}, ["- sweep.seed: 0", "+ sweep.seed: 1"]),
        ({"folds": 5}, ["- sweep.folds: null", "+ sweep.folds: 5"]),
        ({"seeds": 3}, ["- sweep.seeds: null", "+ sweep.seeds: 3"]),
        ({"sampler": "random"}, ["- sweep.sampler: tpe", "+ sweep.sampler: random"]),
        (
            {"objective": "best/val/brier"},
            ["- sweep.objectives: best/val/auroc", "+ sweep.objectives: best/val/brier"],
        ),
        ({"prune.by": "hyperband"}, ["- sweep.prune: null", "+ sweep.prune: by=hyperband, warmup=5"]),
    ],
)
def test_changed_settings_are_told(
    define: Callable[..., dict[str, Any]], changed: dict[str, Any], lines: list[str]
) -> None:
    assert difference(define(*TYPED), define(*TYPED, **changed)) == lines


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        (
            [TYPED[0], "model=cnn,transfer", TYPED[2]],
            ["- model: choice(cnn,cnn_rnn)", "+ model: choice(cnn,transfer)"],
        ),
        ([*TYPED, "b=1,2"], ["+ b: choice(1,2)"]),
        (TYPED[:2], ["- optimizer.lr: tag(log,interval(1e-05,0.01))"]),
        ([*TYPED, "loss=focal"], ["+ loss: focal"]),
        (["data=cmmd", *TYPED[1:]], ["- data: phantom", "+ data: cmmd"]),
        ([TYPED[0], TYPED[2], TYPED[1]], ["- order: model, optimizer.lr", "+ order: optimizer.lr, model"]),
        (
            [TYPED[0], "model=cnn", TYPED[2]],
            ["- model: choice(cnn,cnn_rnn)", "+ model: cnn"],
        ),
    ],
)
def test_a_changed_space_is_told(
    define: Callable[..., dict[str, Any]], typed: list[str], lines: list[str]
) -> None:
    assert difference(define(*TYPED), define(*typed)) == lines


def test_files_of_data_are_told_without_their_place(define: Callable[..., dict[str, Any]]) -> None:
    old, new = define(*TYPED, "data.root=/secret/a"), define(*TYPED, "data.root=/secret/b")
    assert difference(old, new) == ["- data.root: ***", "+ data.root: ***"]


def test_settings_that_contradict_the_space_are_no_definition(define: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(UserError, match="seed is varied"):
        define("seed=1,2", seeds=3)


def test_a_change_of_what_the_overrides_compose_is_told_by_key() -> None:
    old, new = (
        {"space": {}, "fixed": {}, "n_trials": None, "config": {"trainer.max_epochs": epochs, "keep": "best"}}
        for epochs in ("7", "8")
    )
    assert difference(old, new) == ["- trainer.max_epochs: 7", "+ trainer.max_epochs: 8"]
    assert difference(old, old) == []
