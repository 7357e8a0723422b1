from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from bcdl.tracking import TrackedRun, TrackingStore
from bcdl.tracking.journal import Journal

Bcdl = Callable[..., int]


@pytest.fixture
def left(tracking_root: Path, monkeypatch: pytest.MonkeyPatch) -> TrackedRun:
    """A finished run of which nothing has arrived but its beginning."""
    run = TrackedRun.start(TrackingStore.open(tracking_root), "cnn")
    run.patience = 0.05

    def refuse(*args: object, **kwargs: object) -> None:
        raise MlflowException("nobody there")

    with monkeypatch.context() as dead, run:
        for name in ("log_batch", "log_artifact", "set_terminated"):
            dead.setattr(MlflowClient, name, refuse)
        run.log_metrics({"loss": 1.0})
        run.log_text("kept", "a.txt")
    return run


def test_what_was_left_is_delivered_and_told(
    left: TrackedRun, bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("sync") == 0
    told = capsys.readouterr().out
    assert f"{left.name} ({left.id[:8]}): delivered 2 metrics, 1 artifact; it is FINISHED" in told
    assert "1 run: 1 delivered" in told
    assert left.store.status(left.id) == "FINISHED"
    assert left.store.download(left.id, "a.txt").read_text() == "kept"


def test_nothing_to_deliver_is_said(bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str]) -> None:
    assert bcdl_in_process("sync") == 0
    assert "Nothing waits" in capsys.readouterr().out


def test_a_store_that_is_away_exits_1_and_says_what_waits(
    left: TrackedRun,
    bcdl_in_process: Bcdl,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert bcdl_in_process("sync") == 1
    assert "1 run waits" in capsys.readouterr().err
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert left.store.status(left.id) == "RUNNING"


def test_a_living_run_is_told_and_is_no_failure(
    tracking_root: Path, bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str]
) -> None:
    with TrackedRun.start(TrackingStore.open(tracking_root), "cnn"):
        assert bcdl_in_process("sync") == 0
    assert "alive" in capsys.readouterr().out


def test_a_run_that_the_store_does_not_know_exits_1(
    tracking_root: Path, bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(tracking_root / "runs" / ("f" * 32))
    journal.append("metrics", values={"loss": 1.0}, step=1)
    journal.close()
    assert bcdl_in_process("sync", "ffff") == 1
    told = capsys.readouterr()
    assert "run (ffffffff): not in this store" in told.out
    assert "1 run not in this store, or deleted there" in told.err
    assert "bcdl gc --deleted" in told.err
    assert "again later" not in told.err


def test_what_mlflow_refuses_for_good_exits_1_and_is_counted_apart(
    left: TrackedRun, bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(left.folder)
    journal.append("metrics", values={"bad\nname": 1.0}, step=1)
    journal.close()
    assert bcdl_in_process("sync") == 1
    told = capsys.readouterr()
    assert "delivered 2 metrics, 1 artifact; it is FINISHED; refused 1 metric; " in told.out
    assert "1 run: 1 delivered, 1 refused in part" in told.out
    assert "1 run had something refused for good" in told.err
    assert bcdl_in_process("sync") == 0


def test_a_run_of_which_nothing_waits_is_a_users_error(
    left: TrackedRun, bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("sync", "zzzz") == 2
    assert f"found 'zzzz'. Such runs: {left.id[:8]}" in capsys.readouterr().err
