"""Whole sweeps through the command line, with a job that takes no time in the place of training."""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Timer
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from omegaconf import DictConfig
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState, create_trial

from bcdl.errors import RunError
from bcdl.sweeps.ledger import JobState, Ledger
from bcdl.sweeps.member import Member
from bcdl.sweeps.process import Worker
from bcdl.tracking import TrackedRun, TrackingStore

LR = "optimizer.lr=0.3"
LOG = "optimizer.lr=tag(log,interval(1e-5,1e-2))"


class Training:
    """Stands for `bcdl.train`: its score is what `score` makes of the configuration."""

    def __init__(self) -> None:
        self.score: Callable[[DictConfig], float] = lambda cfg: float(cfg.optimizer.lr)
        self.done: list[tuple[str, str]] = []
        self.rehearsed: list[str] = []

    def main(self, cfg: DictConfig) -> float:
        member = Member.of(cfg)
        assert member is not None
        task = member.claim()
        self.done.append((task.kind, str(member)))
        store = TrackingStore.open(cfg.tracking.root)
        if task.kind == "test":
            member.finished({"best/val/auroc": 0.0, "test/auroc": 0.0})
            return 0.0
        try:
            return self._fit(cfg, member, store, task.run)
        except KeyboardInterrupt:
            member.killed()
            raise
        except Exception as error:
            member.failed(str(error), log="job.log")
            raise

    def _fit(self, cfg: DictConfig, member: Member, store: TrackingStore, run_id: str | None) -> float:
        if run_id:
            run = TrackedRun.resume(store, run_id)
        else:
            run = TrackedRun.start(store, "job", parent=member.parent, tags=member.tags)
        with run:
            member.opened(run.id)
            run.log_params({"model": "cnn", "lr": cfg.optimizer.lr, "seed": cfg.seed})
            score = self.score(cfg)
            run.log_metrics({"best/val/auroc": score})
        test = {"test/auroc": score} if cfg.sweep.test == "all" else {}
        member.finished({"best/val/auroc": score, **test})
        return score


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    made, module = Training(), ModuleType("bcdl.train")
    vars(module)["main"] = made.main
    monkeypatch.setitem(sys.modules, "bcdl.train", module)
    return made


@pytest.fixture
def sweep(training: Training, bcdl_in_process: Callable[..., int]) -> Callable[..., int]:
    def run(*typed: str, name: str = "s") -> int:
        return bcdl_in_process("train", "-m", f"sweep.name={name}", *typed)

    return run


@pytest.fixture
def store(tracking_root: Path) -> Callable[[], TrackingStore]:
    return lambda: TrackingStore.open(tracking_root)


def parent(store: TrackingStore) -> Any:
    return store.client.get_run(store.resolve("s", kind="sweep"))


def test_a_grid_has_one_parent_with_a_child_a_configuration_and_its_best(
    sweep: Callable[..., int], store: Callable[[], TrackingStore], capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep("optimizer.lr=0.1,0.3,0.2") == 0
    found = store()
    run = parent(found)
    assert run.info.status == "FINISHED"
    children = found.runs(parent=run.info.run_id)
    assert set(children["status"]) == {"FINISHED"}
    assert len(children) == 3
    best = children.loc[children["metrics.best/val/auroc"].idxmax(), "run_id"]
    assert run.data.tags["bcdl.best_run"] == best
    assert run.data.tags["bcdl.best_trial"] == "1"
    assert run.data.tags["best.optimizer.lr"] == "0.3"
    assert run.data.metrics["best/val/auroc"] == pytest.approx(0.3)
    assert run.data.tags["mlflow.note.content"].startswith("3 of 3 trials finished. Best: trial 1")
    out = capsys.readouterr().out
    assert "Best: trial 1, best/val/auroc 0.3000  optimizer.lr=0.3" in out


def test_the_parent_s_curve_is_the_best_so_far(
    sweep: Callable[..., int], store: Callable[[], TrackingStore]
) -> None:
    sweep("optimizer.lr=0.1,0.3,0.2")
    history = store().client.get_metric_history(parent(store()).info.run_id, "best/val/auroc")
    assert {point.step: round(point.value, 6) for point in history} == {0: 0.1, 1: 0.3, 2: 0.3}


def test_a_failed_trial_is_named_and_the_others_are_run(
    sweep: Callable[..., int],
    training: Training,
    store: Callable[[], TrackingStore],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def score(cfg: DictConfig) -> float:
        if cfg.optimizer.lr == 0.3:
            raise RunError("the loss is not finite")
        return float(cfg.optimizer.lr)

    training.score = score
    assert sweep("optimizer.lr=0.1,0.3,0.2") == 1
    err = capsys.readouterr().err
    assert "1 of 3 trials failed" in err
    assert "trial 1 optimizer.lr=0.3: the loss is not finite (log: job.log)" in err
    run = parent(store())
    assert run.info.status == "FAILED"
    assert sorted(store().runs(parent=run.info.run_id)["status"]) == ["FAILED", "FINISHED", "FINISHED"]
    assert run.data.tags["mlflow.note.content"].startswith("2 of 3 trials finished, 1 failed.")


def test_failures_beyond_the_limit_stop_the_sweep_and_retries_go_on_with_it(
    sweep: Callable[..., int],
    training: Training,
    store: Callable[[], TrackingStore],
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = training.score

    def bad(cfg: DictConfig) -> float:
        raise RunError("no luck")

    training.score = bad
    assert sweep("optimizer.lr=0.1,0.2,0.3", "sweep.max_failures=1") == 1
    assert "more than sweep.max_failures=1" in capsys.readouterr().err
    assert [place for _, place in training.done] == ["s/0.0", "s/1.0"]
    training.score = good
    again = ("sweep.max_failures=1", "sweep.retries=1")
    assert sweep("optimizer.lr=0.1,0.2,0.3", *again) == 0
    assert [place for _, place in training.done] == ["s/0.0", "s/1.0", "s/0.0", "s/1.0", "s/2.0"]
    assert parent(store()).info.status == "FINISHED"


def test_ctrl_c_ends_the_parent_as_killed_and_the_trial_goes_on_in_its_own_run(
    sweep: Callable[..., int], training: Training, store: Callable[[], TrackingStore]
) -> None:
    good = training.score

    def interrupted(cfg: DictConfig) -> float:
        if cfg.optimizer.lr == 0.2:
            raise KeyboardInterrupt
        return good(cfg)

    training.score = interrupted
    assert sweep("optimizer.lr=0.1,0.2,0.3") == 130
    run = parent(store())
    assert run.info.status == "KILLED"
    before = store().runs(parent=run.info.run_id)
    assert sorted(before["status"]) == ["FINISHED", "KILLED"]
    training.score = good
    assert sweep("optimizer.lr=0.1,0.2,0.3") == 0
    after = store().runs(parent=run.info.run_id)
    assert set(before["run_id"]) < set(after["run_id"])
    assert len(after) == 3
    assert set(after["status"]) == {"FINISHED"}
    assert parent(store()).info.status == "FINISHED"
    assert [place for _, place in training.done] == ["s/0.0", "s/1.0", "s/1.0", "s/2.0"]


def test_a_finished_sweep_has_nothing_left_and_may_get_more_trials(
    sweep: Callable[..., int], training: Training
) -> None:
    assert sweep(LOG, "sweep=random", "sweep.n_trials=2") == 0
    assert sweep(LOG, "sweep=random", "sweep.n_trials=2") == 0
    fitted = [place for kind, place in training.done if kind == "fit"]
    assert fitted == ["s/0.0", "s/1.0"]
    assert sweep(LOG, "sweep=random", "sweep.n_trials=3") == 0
    assert [place for kind, place in training.done if kind == "fit"] == [*fitted, "s/2.0"]


def test_a_name_may_be_a_number(sweep: Callable[..., int], training: Training) -> None:
    assert sweep("optimizer.lr=0.1,0.2", name="2026") == 0
    assert [place for _, place in training.done] == ["2026/0.0", "2026/1.0"]


def test_what_was_not_tested_is_tested_when_all_is_to_be(
    sweep: Callable[..., int], training: Training
) -> None:
    assert sweep("optimizer.lr=0.1,0.2", "sweep.test=none") == 0
    assert sweep("optimizer.lr=0.1,0.2", "sweep.test=all") == 0
    assert training.done[2:] == [("test", "s/1.0"), ("test", "s/0.0")]
    assert sweep("optimizer.lr=0.1,0.2", "sweep.test=all") == 0
    assert len(training.done) == 4


def test_a_job_that_ends_elsewhere_as_interrupted_is_run_here(
    sweep: Callable[..., int], training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sweep("optimizer.lr=0.1,0.2", "sweep.max_failures=0") == 0
    monkeypatch.setattr("bcdl.sweeps.waiting.PAUSE", 0.2)
    ledger = Ledger.open("s", Path("runs").absolute())
    there = replace(Worker.here(), host="elsewhere")
    begun = create_trial(state=TrialState.RUNNING, user_attrs={"number": 2, "overrides": [LR], "jobs": 1})
    trial = ledger.add(begun)
    ledger.write(trial, 0, JobState("running", worker=there))
    timer = Timer(2.0, lambda: ledger.write(trial, 0, JobState("killed")))
    timer.start()
    assert sweep("optimizer.lr=0.1,0.2", "sweep.max_failures=0") == 0
    timer.join()
    assert [place for _, place in training.done[2:]] == ["s/2.0"]


def test_a_sweep_that_ended_in_good_order_goes_on_from_another_machine(sweep: Callable[..., int]) -> None:
    assert sweep("optimizer.lr=0.1,0.2") == 0
    ledger = Ledger.open("s", Path("runs").absolute())
    ledger.note(owner=replace(Worker.here(), host="elsewhere").facts())
    assert sweep("optimizer.lr=0.1,0.2") == 0
    ledger.note(ended=False, owner=replace(Worker.here(), host="elsewhere").facts())
    assert sweep("optimizer.lr=0.1,0.2") == 2


def test_a_parent_that_was_killed_before_it_was_described_is_described_later(
    sweep: Callable[..., int], store: Callable[[], TrackingStore]
) -> None:
    assert sweep("optimizer.lr=0.1,0.2") == 0
    run = parent(store()).info.run_id
    for tag in ("bcdl.jobs", "bcdl.varied"):
        store().client.delete_tag(run, tag)
    assert sweep("optimizer.lr=0.1,0.2") == 0
    assert parent(store()).data.tags["bcdl.varied"] == "optimizer.lr"


def test_sigterm_ends_the_parent_as_killed(
    sweep: Callable[..., int], training: Training, store: Callable[[], TrackingStore]
) -> None:
    def terminated(cfg: DictConfig) -> float:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        return 0.0

    training.score = terminated
    assert sweep("optimizer.lr=0.1,0.2") == 143
    assert parent(store()).info.status == "KILLED"
    training.score = lambda cfg: float(cfg.optimizer.lr)
    assert sweep("optimizer.lr=0.1,0.2") == 0
    assert parent(store()).info.status == "FINISHED"


def test_a_password_of_the_study_s_storage_is_kept_nowhere(
    sweep: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCDL_SWEEP_STORAGE", "")
    address = f"sqlite://reader:hush7@/{Path('studies.db').absolute()}"
    storage = InMemoryStorage()
    monkeypatch.setattr("bcdl.sweeps.storage._database", lambda _: storage)
    sweep("optimizer.lr=0.1,0.2", f"sweep.storage={address}")
    assert os.environ["BCDL_SWEEP_STORAGE"] == address
    written = [file for file in Path("runs").rglob("*") if file.is_file() and b"hush7" in file.read_bytes()]
    assert written == []


def test_latest_is_refused_where_it_would_come_to_mean_a_run_of_the_sweep(
    sweep: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep("encoder.weights=null,run:latest") == 2
    assert "name the run by its id" in capsys.readouterr().err


def test_a_search_tests_its_best_trial_alone(sweep: Callable[..., int], training: Training) -> None:
    training.score = lambda cfg: -float(cfg.optimizer.lr)
    assert sweep(LOG, "sweep=random", "sweep.n_trials=3", "sweep.seeds=2") == 0
    tested = [place for kind, place in training.done if kind == "test"]
    best = Ledger.open("s", Path("runs").absolute()).ranked()[0]
    assert tested == [f"s/{best.number}.{job}" for job in range(2)]


def test_the_name_of_another_sweep_is_refused_with_the_difference(
    sweep: Callable[..., int], training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep("optimizer.lr=0.1,0.2", "data.batch_size=8") == 0
    done = list(training.done)
    assert sweep("optimizer.lr=0.1,0.3", "data.batch_size=8") == 2
    err = capsys.readouterr().err
    assert "- optimizer.lr: choice(0.1,0.2)" in err
    assert "+ optimizer.lr: choice(0.1,0.3)" in err
    assert "--fork" in err
    assert training.done == done


def test_a_sweep_that_another_living_process_runs_is_refused(
    sweep: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    import subprocess

    from bcdl.sweeps.process import Worker, _started

    assert sweep("optimizer.lr=0.1,0.2") == 0
    ledger = Ledger.open("s", Path("runs").absolute())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        facts = {**Worker.here().facts(), "pid": other.pid, "started": _started(other.pid)}
        ledger.note(ended=False, owner=facts)
        assert sweep("optimizer.lr=0.1,0.2") == 2
        other.kill()
    assert "is being run by process" in capsys.readouterr().err
    assert sweep("optimizer.lr=0.1,0.2") == 0


def test_an_objective_that_no_run_logs_is_found_in_the_first_trial(
    sweep: Callable[..., int], training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep("optimizer.lr=0.1,0.2,0.3", "sweep.objective=best/val/f1") == 1
    assert len(training.done) == 1
    assert "expected the sweep's objective best/val/f1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("sweep.objective=test/auroc", "optimizer.lr=1,2"), "test samples"),
        (("sweep=random", "optimizer.lr=tag(log,interval(0,1))"), "log"),
        (("sweep=tpe", "model=cnn"), "something to search"),
        (("model=cnn,nonsense",), "no 'nonsense' in the config group 'model'"),
        (("optimizer.nonsense=1,2",), "no key 'optimizer.nonsense'"),
        (("sweep.storage=sqlite:////nowhere/x.db", "optimizer.lr=1,2"), "cannot be opened"),
        (("sweep.batch=0", "optimizer.lr=1,2"), "sweep.batch"),
    ],
)
def test_a_mistake_in_the_definition_leaves_no_run_and_no_sweep(
    sweep: Callable[..., int],
    training: Training,
    store: Callable[[], TrackingStore],
    capsys: pytest.CaptureFixture[str],
    typed: tuple[str, ...],
    message: str,
) -> None:
    assert sweep(*typed) == 2
    assert message in capsys.readouterr().err
    assert store().runs(kind=None).empty
    assert training.done == []
    assert not Path("runs/sweeps/s").exists()


def test_seeds_and_folds_are_children_of_one_parent_and_their_mean_counts(
    sweep: Callable[..., int], training: Training, store: Callable[[], TrackingStore]
) -> None:
    training.score = lambda cfg: cfg.optimizer.lr + 0.01 * cfg.seed + 0.001 * cfg.data.fold
    assert sweep("optimizer.lr=0.1,0.2", "sweep.seeds=2", "sweep.folds=2", "seed=1") == 0
    found = store()
    children = found.runs(parent=parent(found).info.run_id)
    places = {(found.client.get_run(run).data.tags["bcdl.trial"], run) for run in children["run_id"]}
    assert sorted(trial for trial, _ in places) == ["0"] * 4 + ["1"] * 4
    best = Ledger.open("s", Path("runs").absolute()).ranked()[0]
    assert best.values == pytest.approx((0.2 + 0.015 + 0.0005,))


def test_resume_goes_on_with_the_recorded_command(
    sweep: Callable[..., int], training: Training, bcdl_in_process: Callable[..., int]
) -> None:
    good = training.score

    def interrupted(cfg: DictConfig) -> float:
        raise KeyboardInterrupt

    training.score = interrupted
    assert sweep("optimizer.lr=0.1,0.2", "data.batch_size=8") == 130
    training.score = good
    assert bcdl_in_process("sweep", "resume", "latest", "sweep.retries=1") == 0
    assert [place for _, place in training.done] == ["s/0.0", "s/0.0", "s/1.0"]
    assert bcdl_in_process("sweep", "resume", "s", "data.batch_size=4") == 2
    assert bcdl_in_process("sweep", "resume", "s", "--fork", "t", "data.batch_size=4") == 0
    assert [place for _, place in training.done[3:]] == ["t/0.0", "t/1.0"]


def test_status_tells_how_a_sweep_stands(
    sweep: Callable[..., int],
    training: Training,
    bcdl_in_process: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert bcdl_in_process("sweep", "status") == 2
    assert "no sweep" in capsys.readouterr().err

    def score(cfg: DictConfig) -> float:
        if cfg.optimizer.lr == 0.3:
            raise KeyboardInterrupt
        return float(cfg.optimizer.lr)

    training.score = score
    sweep("optimizer.lr=0.1,0.2,0.3,0.4")
    capsys.readouterr()
    assert bcdl_in_process("sweep", "status") == 0
    out = capsys.readouterr().out
    assert "Sweep s: stopped, 4 trials: 2 finished, 1 interrupted, 1 waiting" in out
    assert "bcdl sweep resume s" in out
    assert "1 *" in out


def test_sweeps_import_neither_torch_nor_mlflow() -> None:
    import subprocess

    heavy = "{'torch', 'mlflow', 'pandas', 'optuna'}"
    code = f"import sys, hydra_plugins.bcdl_sweeper; sys.exit({heavy} & {{*sys.modules}} != set())"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_what_a_parent_holds_at_the_end(
    sweep: Callable[..., int], store: Callable[[], TrackingStore]
) -> None:
    sweep("optimizer.lr=0.1,0.3,0.2", "sweep.seeds=2")
    found = store()
    run = parent(found).info.run_id
    board = pd.read_csv(found.download(run, "leaderboard.csv"))
    assert len(board) == 6
    trials = pd.read_csv(found.download(run, "trials.csv"))
    assert sorted(trials["trial"]) == [0, 1, 2]
    assert found.download(run, "history.png").read_bytes().startswith(b"\x89PNG")
    assert "<html" in found.download(run, "sweep.html").read_text()[:500]
    assert "optimizer.lr" in found.download(run, "definition.json").read_text()
