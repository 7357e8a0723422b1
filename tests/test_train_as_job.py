"""`bcdl train` as one job of a sweep.

What its run and the sweep's ledger say, and how it goes on after a death.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from lightning import LightningModule, Trainer
from mlflow.entities import Run
from optuna.trial import TrialState, create_trial

import bcdl
import bcdl.train
from bcdl.configs import compose
from bcdl.errors import UserError
from bcdl.lineage import OVERRIDES, plan_run
from bcdl.models import Speed
from bcdl.sweeps.ledger import JobState, Ledger, Trial
from bcdl.sweeps.member import Member
from bcdl.sweeps.process import Worker
from bcdl.tracking import TrackedRun, TrackingStore

OBJECTIVE = "best/val/auroc"
LR = "optimizer.lr=0.0123456"
PLACE = ("sweep.name=s", "trial='0.0'")
Train = Callable[..., int]


class Sweep:
    """A ledger with one trial and the parent run, as the sweeper makes them before it sends a job."""

    def __init__(self, root: Path, objectives: Sequence[str] = (OBJECTIVE,), jobs: int = 1) -> None:
        self.store = TrackingStore.open(root)
        self.parent = TrackedRun.start(self.store, "s", kind="sweep")
        self.parent.close("FINISHED")
        self.ledger = Ledger.create("s", root, None, ("maximize",))
        self.ledger.note(
            definition={"objectives": list(objectives)}, parent=self.parent.id, varied=["optimizer.lr"]
        )
        attributes = {"number": 7, "overrides": [LR, "keep=best"], "jobs": jobs}
        self.ledger.add(create_trial(state=TrialState.RUNNING, user_attrs=attributes))

    @property
    def trial(self) -> Trial:
        return Ledger.open("s", self.ledger.root).trial(0)

    @property
    def job(self) -> JobState:
        return self.trial.jobs[0]

    @property
    def children(self) -> list[Run]:
        found = self.store.runs(parent=self.parent.id)["run_id"]
        return [self.store.client.get_run(run_id) for run_id in found]

    @property
    def child(self) -> Run:
        (one,) = self.children
        return one

    def predictions(self) -> pd.DataFrame:
        return pd.read_parquet(self.store.download(self.child.info.run_id, "predictions.parquet"))

    def points(self, metric: str) -> int:
        return len(self.store.client.get_metric_history(self.child.info.run_id, metric))

    def artifacts(self, folder: str | None = None) -> set[str]:
        found = self.store.client.list_artifacts(self.child.info.run_id, folder)
        return {item.path.rpartition("/")[2] for item in found}

    def left(self) -> set[str]:
        folder = self.store.folder(self.child.info.run_id)
        return {path.name for path in folder.iterdir()} - {"journal.lock"}


@pytest.fixture
def sweep(tracking_root: Path) -> Sweep:
    return Sweep(tracking_root)


@pytest.fixture
def job(train: Train) -> Train:
    """Do the job, on a trial of a tiny run."""
    return lambda *typed: train(*PLACE, LR, "keep=best", *typed)


def test_a_job_is_a_tagged_child_and_tells_what_its_best_checkpoint_is_worth(
    job: Train, sweep: Sweep
) -> None:
    assert job("data.folds=3", "data.fold=1") == 0
    child = sweep.child
    assert child.info.status == "FINISHED"
    assert child.info.run_name == f"t7-f1-lr=0.0123-cnn-small_cnn-phantom-{child.info.run_id[:4]}"
    place = {"sweep": "s", "trial": "7", "try": "0", "job": "0", "seed": "0", "fold": "1"}
    assert child.data.tags.items() >= {f"bcdl.{key}": value for key, value in place.items()}.items()
    assert sweep.trial.told == "finished"
    assert sweep.job.run == child.info.run_id
    expected = {name: value for name, value in child.data.metrics.items() if name.startswith("best/val/")}
    assert expected.items() >= dict(sweep.job.values).items() >= {OBJECTIVE: expected[OBJECTIVE]}.items()
    assert "test/auroc" in child.data.metrics
    assert sweep.left() == set()


def test_a_held_out_fold_is_tested_and_chooses_nothing(job: Train, sweep: Sweep) -> None:
    assert job("data.folds=3", "data.fold=1") == 0
    table = sweep.predictions()
    patients = table.groupby("split")["patient_id"].agg(set)
    assert set(table.loc[table["split"] == "test", "fold"]) == {1}
    assert not patients["val"] & patients["test"]


def test_what_a_sweep_adds_is_no_override_of_a_run_derived_from_its_child(
    job: Train, sweep: Sweep, bcdl_in_process: Train
) -> None:
    assert job() == 0
    typed = sweep.store.download(sweep.child.info.run_id, OVERRIDES).read_text()
    assert LR in typed
    assert "trial" not in typed
    assert "sweep" not in typed
    assert bcdl_in_process("train", f"from={sweep.child.info.run_id}", "trainer.max_epochs=1") == 0
    assert bcdl.load_run().config.trial is None
    assert len(sweep.children) == 1


def test_a_job_that_is_not_to_be_tested_yet_is_tested_later_in_its_own_run(job: Train, sweep: Sweep) -> None:
    assert job("sweep.test=best") == 0
    assert set(sweep.predictions()["split"]) == {"val"}
    assert not [name for name in sweep.child.data.metrics if name.startswith("test/")]
    before = sweep.child
    assert job("sweep.test=best") == 1
    assert set(sweep.predictions()["split"]) == {"val"}
    assert job("sweep.test=best", "trial='0.0.test'") == 0
    after = sweep.child
    assert set(sweep.predictions()["split"]) == {"val", "test"}
    assert (after.info.status, after.info.end_time) == ("FINISHED", before.info.end_time)
    assert after.data.metrics[OBJECTIVE] == before.data.metrics[OBJECTIVE]
    assert sweep.points(OBJECTIVE) == 1
    assert "test/auroc" in after.data.metrics
    assert f"tested.{after.info.run_id}" in sweep.ledger.facts


def test_without_checkpoints_nothing_could_be_tested_later(
    train: Train, sweep: Sweep, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(*PLACE, LR, "keep=none", "sweep.test=best") == 2
    assert "keep=best" in capsys.readouterr().err
    assert sweep.child.info.status == "FAILED"


@pytest.mark.parametrize(
    "typed", ["data.reader.patients=0", "data.batch_size=500", "data.reader.patients=???"]
)
def test_a_job_that_fails_early_is_one_failed_child_with_its_traceback(
    typed: str, job: Train, sweep: Sweep
) -> None:
    assert job(typed) == 2
    assert sweep.child.info.status == "FAILED"
    assert "error.txt" in sweep.artifacts()
    assert sweep.trial.told == "failed"
    assert sweep.job.run == sweep.child.info.run_id
    assert sweep.job.error
    assert typed.partition("=")[0].rpartition(".")[2] in sweep.job.error


def test_an_objective_that_no_run_logs_is_said_at_once(
    job: Train, tracking_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = Sweep(tracking_root, objectives=("best/val/side/auroc",))
    assert job() == 1
    assert "best/val/auroc" in capsys.readouterr().err
    assert sweep.child.info.status == "FAILED"
    assert sweep.job.error is not None
    assert sweep.ledger.facts["fatal"] == sweep.job.error


def test_a_job_in_the_hands_of_a_living_process_is_left_alone(
    job: Train, sweep: Sweep, capsys: pytest.CaptureFixture[str]
) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        busy = JobState("running", run="r", worker=worker_of(process.pid))
        sweep.ledger.write(sweep.trial, 0, busy)
        assert job() == 1
    finally:
        process.communicate(b"\n")
    assert "not run twice" in capsys.readouterr().err
    assert sweep.job == busy
    assert sweep.children == []


def worker_of(pid: int) -> Worker:
    here = Worker.here()
    started = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return Worker(here.host, pid, started, here.beat)


def test_a_pruned_job_is_finished_keeps_its_curves_and_is_never_tested(
    job: Train, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []

    def report(self: Member, value: float, epoch: int) -> bool:
        told.append(epoch)
        return epoch == 1

    monkeypatch.setattr(Member, "report", report)
    assert job("sweep.prune.by=median", "trainer.max_epochs=5") == 0
    child = sweep.child
    assert told == [0, 1]
    assert (child.info.status, child.data.tags["bcdl.pruned"]) == ("FINISHED", "true")
    assert sweep.trial.told == "pruned"
    assert set(sweep.predictions()["split"]) == {"val"}
    assert sweep.points("val/auroc") == 2
    assert sweep.artifacts("checkpoints") == {"best.ckpt"}
    assert dict(sweep.job.values)[OBJECTIVE] == child.data.metrics[OBJECTIVE]


def test_only_the_first_job_of_a_configuration_speaks_for_it(
    train: Train, tracking_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Member, "report", lambda *_: True)
    sweep = Sweep(tracking_root, jobs=2)
    assert train("sweep.name=s", "trial='0.1'", LR, "sweep.prune.by=median", "trainer.max_epochs=2") == 0
    assert [state.state for state in sweep.trial.jobs] == ["waiting", "finished"]
    assert sweep.points("val/auroc") == 2


def test_an_interrupted_job_goes_on_in_its_own_run_to_the_same_result(
    job: Train, sweep: Sweep, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = ("model.dropout=0.5", "trainer.max_epochs=3")
    with monkeypatch.context() as patch:
        patch.setattr(Speed, "on_train_epoch_start", interrupt_in_the_third_epoch)
        assert job(*typed) == 130
    assert sweep.child.info.status == "KILLED"
    assert sweep.job.state == "killed"
    assert "last.ckpt" in sweep.left()
    assert job(*typed) == 0
    assert sweep.child.info.status == "FINISHED"
    assert sweep.points("val/auroc") == 3
    assert train(LR, *typed) == 0
    pd.testing.assert_frame_equal(undisturbed(), sweep.predictions(), check_exact=True)


def interrupt_in_the_third_epoch(self: Speed, trainer: Trainer, pl_module: LightningModule) -> None:
    if trainer.current_epoch == 2:
        raise KeyboardInterrupt


def undisturbed() -> pd.DataFrame:
    return bcdl.load_run().predictions


def test_a_job_whose_data_have_changed_does_not_go_on(
    job: Train, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Speed, "on_train_epoch_start", interrupt_in_the_third_epoch)
        assert job("trainer.max_epochs=3") == 130
    assert job("trainer.max_epochs=3", "data.split_seed=9") == 2
    assert sweep.child.info.status == "FAILED"
    assert "fingerprint" in str(sweep.job.error)


MOMENTS = {
    "opened": "bcdl.train.Member.opened",
    "in training": "bcdl.models.Speed.on_train_epoch_end",
    "fitted": "bcdl.train.load_checkpoint",
    "in the results": "bcdl.conclude.print_results",
    "run closed": "bcdl.train.tidy",
    "tidied": "bcdl.train.Member.finished",
}
DEATH = """
import os, signal, sys, importlib
from bcdl.cli import main
import bcdl.train
where, attribute = sys.argv[1].rsplit(".", 1)
try:
    owner = importlib.import_module(where)
except ImportError:
    module, name = where.rsplit(".", 1)
    owner = getattr(importlib.import_module(module), name)
setattr(owner, attribute, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
main(sys.argv[2:])
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_job_that_is_killed_at_any_moment_ends_as_an_undisturbed_one(
    moment: str, job: Train, sweep: Sweep, tiny: tuple[str, ...], train: Train
) -> None:
    typed = (*PLACE, LR, "keep=best", "model.dropout=0.5")
    command = [sys.executable, "-c", DEATH, MOMENTS[moment], "train", *tiny, *typed]
    assert subprocess.run(command, timeout=300, stdin=subprocess.DEVNULL).returncode == -9
    assert sweep.job.state == "running"
    assert job("model.dropout=0.5") == 0
    child = sweep.child
    assert child.info.status == "FINISHED"
    assert child.info.run_name.startswith("t7-lr=0.0123-cnn-small_cnn-phantom-")
    assert sweep.trial.told == "finished"
    for metric in (OBJECTIVE, "test/auroc", "best_epoch", "parameters"):
        assert sweep.points(metric) == 1
    assert train(LR, "model.dropout=0.5") == 0
    pd.testing.assert_frame_equal(undisturbed(), sweep.predictions(), check_exact=True)
    alone = bcdl.load_run().metrics
    assert {name: child.data.metrics[name] for name in deterministic(alone)} == deterministic(alone)


def deterministic(metrics: dict[str, Any]) -> dict[str, float]:
    timed = {"seconds", "epoch_seconds", "images_per_second"}
    return {name: value for name, value in metrics.items() if name not in timed}


def test_a_resume_is_for_one_run(tracking_root: Path) -> None:
    cfg = compose("train", ["resume=latest", *PLACE, f"tracking.root={tracking_root}"])
    with pytest.raises(UserError, match="bcdl sweep resume"):
        plan_run(cfg, TrackingStore.open(tracking_root))
