import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import DictConfig, OmegaConf

from bcdl.sweeps import ParentRun, finish_parent
from bcdl.sweeps.parent import swept
from bcdl.tracking import TrackedRun, TrackingStore, parent_run


@pytest.fixture
def config(tracking_root: Path) -> Iterator[DictConfig]:
    hydra = {
        "overrides": {"task": ["model=cnn,cnn_rnn", "seed=0"]},
        "runtime": {"choices": {"experiments": None}},
    }
    tracking = {"root": str(tracking_root), "experiment": "bcdl"}
    callbacks = {"best": {"monitor": "val/auroc"}}
    yield OmegaConf.create({"tracking": tracking, "callbacks": callbacks, "hydra": hydra})
    finish_parent()


def child(store: TrackingStore, model: str, auroc: float, error: BaseException | None = None) -> str:
    run = TrackedRun.start(store, model, parent=parent_run())
    run.log_params({"model": model, "encoder": "small_cnn", "data": "phantom"})
    run.log_metrics({"best/val/auroc": auroc, "test/auroc": 1 - auroc})
    run.__exit__(type(error), error, None)
    return run.id


def start(config: DictConfig) -> TrackingStore:
    ParentRun().on_multirun_start(config)
    return TrackingStore.open(config.tracking.root)


def test_the_parent_names_its_best_child_by_validation(config: DictConfig) -> None:
    store = start(config)
    child(store, "cnn", 0.7)
    best = child(store, "cnn_rnn", 0.8)
    parent = finish_parent()
    assert parent is not None
    run = store.client.get_run(parent)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == f"sweep-model-{parent[:4]}"
    assert run.data.tags["bcdl.best_run"] == best
    assert run.data.params == {
        "model": "cnn,cnn_rnn",
        "seed": "0",
        "best.model": "cnn_rnn",
        "best.encoder": "small_cnn",
        "best.data": "phantom",
    }
    assert pd.read_csv(store.download(parent, "leaderboard.csv"))["model"].tolist() == ["cnn_rnn", "cnn"]
    assert store.download(parent, "leaderboard.png").read_bytes().startswith(b"\x89PNG")
    assert "model=cnn,cnn_rnn" in store.download(parent, "overrides.yaml").read_text()


def test_the_best_child_is_the_best_by_what_the_jobs_are_judged_by(config: DictConfig) -> None:
    config.callbacks.best.monitor = "val/brier"
    store = start(config)
    children = []
    for brier in (0.3, 0.1, 0.2):
        run = TrackedRun.start(store, "cnn", parent=parent_run())
        run.log_params({"model": "cnn", "encoder": "small_cnn", "data": "phantom"})
        run.log_metrics({"best/val/brier": brier})
        run.__exit__(None, None, None)
        children.append(run.id)
    assert store.client.get_run(str(finish_parent())).data.tags["bcdl.best_run"] == children[1]


def test_a_failed_child_makes_a_failed_parent_that_counts(config: DictConfig) -> None:
    store = start(config)
    child(store, "cnn", 0.7)
    child(store, "cnn_rnn", 0.8, ValueError("bad"))
    parent = finish_parent(RuntimeError("1 of 2 jobs failed"))
    run = store.client.get_run(parent)
    assert run.info.status == "FAILED"
    assert run.data.tags["mlflow.note.content"] == "1 of 2 runs finished, 1 FAILED"


def test_an_interrupted_sweep_is_killed(config: DictConfig) -> None:
    store = start(config)
    child(store, "cnn", 0.7, KeyboardInterrupt())
    assert store.status(str(finish_parent(KeyboardInterrupt()))) == "KILLED"


def test_a_sweep_whose_jobs_never_opened_a_run_fails(config: DictConfig) -> None:
    store = start(config)
    assert store.status(str(finish_parent(RuntimeError("all jobs failed")))) == "FAILED"


def test_the_jobs_see_the_parent_until_it_is_finished(config: DictConfig) -> None:
    start(config)
    inside = parent_run()
    assert inside == finish_parent()
    assert parent_run() is None
    assert finish_parent() is None


def test_a_store_that_cannot_be_opened_ends_the_sweep(
    config: DictConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    config.tracking.root = str(tmp_path / "file" / "runs")
    with pytest.raises(SystemExit) as caught:
        ParentRun().on_multirun_start(config)
    assert caught.value.code == 2
    assert "cannot be written" in capsys.readouterr().err


def test_what_a_sweep_varies_is_found() -> None:
    assert swept(["model=a,b", "+x.lr=range(1,3)", "size=[256,128]", "~y"]) == ["model", "x.lr"]


def test_sweeps_import_neither_torch_nor_mlflow() -> None:
    code = "import sys, bcdl.sweeps; sys.exit({'torch', 'mlflow', 'pandas'} & {*sys.modules} != set())"
    assert subprocess.run([sys.executable, "-c", code], env=dict(os.environ)).returncode == 0
