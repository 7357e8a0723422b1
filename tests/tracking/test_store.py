import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from bcdl.errors import UserError
from bcdl.tracking import TrackedRun, TrackingStore
from bcdl.tracking.database import with_driver
from bcdl.tracking.journal import Journal


def test_files_lie_in_the_root(tracking_root: Path) -> None:
    store = TrackingStore.open(tracking_root)
    with TrackedRun.start(store, "cnn") as run:
        run.log_text("hello", "notes/a.txt")
    assert store.uri == f"sqlite:///{tracking_root / 'mlflow.db'}"
    assert list(tracking_root.glob("mlartifacts/*/artifacts/notes/a.txt"))
    assert store.download(run.id, "notes/a.txt").is_relative_to(tracking_root / "mlartifacts")


def test_the_environment_wins_over_the_sqlite_file(
    tracking_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tracking_root}/mlflow.db")
    store = TrackingStore.open(tracking_root / "elsewhere")
    assert store.uri == f"sqlite:///{tracking_root}/mlflow.db"
    assert store.folder("x") == tracking_root / "elsewhere" / "runs" / "x"


def test_an_unwritable_root_is_a_users_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot be written .* set tracking\.root"):
        TrackingStore.open(tmp_path / "file" / "runs")


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "postgresql://reader:secret@127.0.0.1:9/mlflow"])
def test_an_unreachable_server_is_a_users_error_without_the_password(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match="MLFLOW_TRACKING_URI") as caught:
        TrackingStore.open(tmp_path)
    assert "secret" not in str(caught.value)


def test_a_server_that_answered_before_is_waited_for(
    tracking_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([MlflowException("nobody there"), MlflowException("nobody there")])
    search = MlflowClient.get_experiment_by_name

    def recover(client: MlflowClient, name: str) -> object:
        for error in answers:
            raise error
        return search(client, name)

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", recover)
    monkeypatch.setattr("bcdl.tracking.outage.FIRST_WAIT", 0.001)
    monkeypatch.setenv("BCDL_TRACKING_PATIENCE", "5")
    assert TrackingStore.open(tracking_root).experiment_id == "1"


def test_a_first_open_does_not_wait(tracking_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(client: MlflowClient, name: str) -> None:
        asked.append(name)
        raise MlflowException("nobody there")

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", refuse)
    monkeypatch.delenv("BCDL_TRACKING_PATIENCE", raising=False)
    with pytest.raises(UserError, match="nobody there"):
        TrackingStore.open(tracking_root)
    assert len(asked) == 1


def test_a_job_of_a_sweep_leaves_the_journals_of_others_alone(tracking_root: Path) -> None:
    journal = Journal(tracking_root / "runs" / ("f" * 32))
    journal.close()
    (journal.folder / "journal.jsonl").touch()
    TrackingStore.open(tracking_root, deliver=False)
    assert (journal.folder / "journal.jsonl").exists()
    TrackingStore.open(tracking_root)
    assert not (journal.folder / "journal.jsonl").exists()


def test_postgresql_is_reached_through_the_driver_of_its_extra() -> None:
    assert with_driver("postgresql://reader@host/runs") == "postgresql+psycopg2://reader@host/runs"
    assert with_driver("postgresql+asyncpg://host/runs") == "postgresql+asyncpg://host/runs"


def test_a_file_store_is_a_users_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path}/mlruns")
    with pytest.raises(UserError, match="cannot be opened"):
        TrackingStore.open(tmp_path)


def test_reading_creates_no_store(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="train a run first"):
        TrackingStore.open(tmp_path / "runs", create=False)
    assert not (tmp_path / "runs").exists()


def test_reading_an_unknown_experiment_names_the_nearest(tracking_root: Path) -> None:
    TrackingStore.open(tracking_root, "ablation")
    with pytest.raises(UserError, match="Did you mean 'ablation'"):
        TrackingStore.open(tracking_root, "ablations", create=False)


def test_a_missing_artifact_is_a_users_error_that_lists_the_others(tracking_root: Path) -> None:
    store = TrackingStore.open(tracking_root)
    with TrackedRun.start(store, "cnn") as run:
        run.log_text("a", "config.yaml")
    with pytest.raises(UserError, match=r"no artifact 'best\.ckpt'; it has: config\.yaml"):
        store.download(run.id, "best.ckpt")


@pytest.mark.slow
def test_processes_that_come_at_once_share_one_new_store(tmp_path: Path) -> None:
    code = (
        "import sys; from bcdl.tracking import TrackingStore, TrackedRun\n"
        "with TrackedRun.start(TrackingStore.open(sys.argv[1]), 'cnn'): pass"
    )
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-c", code, str(tmp_path / "runs")]
    processes = [subprocess.Popen(command, env=environment) for _ in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert len(TrackingStore.open(tmp_path / "runs").runs()) == 3
