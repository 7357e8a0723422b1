"""A real sweep, killed with kill -9 at ten moments, is the same as one that was left alone."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bcdl.cli import main
from bcdl.sweeps.ledger import Ledger
from bcdl.tracking import TrackingStore

DYING = """
import os, signal, sys
from importlib import import_module
module, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
del sys.argv[1:4]
*parts, last = name.split(".")
owner = import_module(module)
for part in parts:
    owner = getattr(owner, part)
whole, calls = getattr(owner, last), []
def dying(*arguments, **named):
    calls.append(1)
    if len(calls) == count:
        os.killpg(0, signal.SIGKILL)
    return whole(*arguments, **named)
setattr(owner, last, dying)
from bcdl.cli import main
sys.exit(main(sys.argv[1:]))
"""
MOMENTS = {  # what is called for the how manieth time
    "the ledger is there and the parent is not": ("bcdl.sweeps.course", "open_parent", 1),
    "the second trial is about to be proposed": ("bcdl.sweeps.ledger", "Ledger.add", 2),
    "a run is open and the ledger has not heard of it": ("bcdl.sweeps.member", "Member.opened", 1),
    "an epoch is half done": ("bcdl.models.callbacks", "BatchSeed.on_train_batch_start", 6),
    "a fit is over and not noted": ("bcdl.train", "mark_fitted", 2),
    "a fit is noted and its results are not": ("bcdl.train", "conclude", 1),
    "results are noted and the checkpoint is not": ("bcdl.train", "record_best", 2),
    "a run is over and the ledger has not heard of it": ("bcdl.sweeps.member", "Member.finished", 1),
    "a job has told its end and its trial is not told": ("bcdl.sweeps.ledger", "Ledger.settle", 1),
    "all trials are over and the parent is not": ("bcdl.sweeps.course", "conclude", 1),
}
SPACE = ("optimizer.lr=tag(log,interval(1e-4,1e-1))", "model.dropout=interval(0,0.5)")
SWEEP = ("-m", "sweep=tpe", "sweep.n_trials=3", "sweep.test=all", "sweep.batch=1", "sweep.name=k", *SPACE)
CURVES = ("train/loss", "val/auroc")


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, database_template: Path, tiny: tuple[str, ...]
) -> dict[int, Any]:
    root = tmp_path_factory.mktemp("undisturbed")
    shutil.copy(database_template, root / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        patch.setattr(sys, "path", list(sys.path))
        assert main(["train", *SWEEP, *tiny, f"tracking.root={root}"]) == 0
    return results(root)


def results(root: Path) -> dict[int, Any]:
    """All that a sweep found, by trial: its settings, its scores, its curves, its predictions."""
    store = TrackingStore.open(root)
    found = {}
    for trial in Ledger.open("k", root).newest().values():
        (job,) = trial.jobs
        run = store.client.get_run(job.run)
        curves = {}
        for name in CURVES:
            curves[name] = {
                point.step: point.value for point in store.client.get_metric_history(job.run, name)
            }
        scores = {key: value for key, value in run.data.metrics.items() if key.startswith(("best/", "test/"))}
        table = pd.read_parquet(store.download(str(job.run), "predictions.parquet"))
        found[trial.number] = (trial.overrides[-2:], trial.values, scores, curves, table.to_dict("list"))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_sweep_goes_on_to_the_same_trials_and_metrics(
    moment: str,
    undisturbed: dict[int, Any],
    bcdl_in_process: Callable[..., int],
    tracking_root: Path,
    tiny: tuple[str, ...],
) -> None:
    module, name, count = MOMENTS[moment]
    command = [sys.executable, "-c", DYING, module, name, str(count), "train", *SWEEP, *tiny]
    killed = subprocess.run(command, env=dict(os.environ), start_new_session=True, capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    assert bcdl_in_process("sweep", "resume", "k") == 0
    assert results(tracking_root) == undisturbed
    store = TrackingStore.open(tracking_root)
    parent = store.client.get_run(store.resolve("k", kind="sweep"))
    children = store.runs(parent=parent.info.run_id)
    assert parent.info.status == "FINISHED"
    assert children["status"].tolist() == ["FINISHED"] * 3
    assert len(store.runs(kind=None)) == 4
    for run in children["run_id"]:
        names = [item.path for item in store.client.list_artifacts(run)]
        assert len(names) == len(set(names))
        assert not list(store.folder(run).glob("best.ckpt"))
