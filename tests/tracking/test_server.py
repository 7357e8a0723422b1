"""Runs against a real MLflow server on a real PostgreSQL: it is killed, restarted, and loses its database."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bcdl.sweeps.ledger import Ledger
from bcdl.tracking import TrackedRun, TrackingStore
from tests.servers import MlflowServer, PostgreSQL, postgresql

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
STEPS = 300
WRITERS = 8
LARGE = os.urandom(40_000_000)  # takes longer to upload than the server has left
STALL = 0.5  # seconds; a request to a server that is away takes longer


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    with postgresql() as running:
        yield running


@pytest.fixture(scope="module")
def mlflow(database: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    with MlflowServer(database.database("mlflow"), tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def server(mlflow: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowServer:
    """The server, running, as the store of a tracking root of its own."""
    mlflow.revive()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow.uri)
    monkeypatch.setenv("BCDL_TRACKING_ROOT", str(tmp_path / "runs"))
    return mlflow


def log_steps(run: TrackedRun, steps: range) -> float:
    """Log a metric a step, and return the longest time that one call took."""
    slowest = 0.0
    for step in steps:
        start = time.perf_counter()
        run.log_metrics({"loss": step / 10, "auroc": step / STEPS}, step)
        slowest = max(slowest, time.perf_counter() - start)
        time.sleep(0.005)
    return slowest


def require_everything_once(run_id: str, status: str = "FINISHED") -> None:
    store = TrackingStore.open()
    list_artifacts = store.client.list_artifacts
    assert store.status(run_id) == status
    for name in ("loss", "auroc"):
        history = store.client.get_metric_history(run_id, name)
        assert [point.step for point in history] == list(range(STEPS)), name
        assert sorted(point.timestamp for point in history) == [point.timestamp for point in history]
    assert store.metrics(run_id)["loss"] == (STEPS - 1) / 10
    assert store.download(run_id, "checkpoints/best.ckpt").read_bytes() == LARGE
    artifacts = [item.path for folder in (None, "checkpoints") for item in list_artifacts(run_id, folder)]
    assert artifacts == ["checkpoints", "notes.txt", "checkpoints/best.ckpt"]
    assert [folder.name for folder in store.root.glob("runs/*/rejected*")] == []


def test_a_server_that_is_killed_and_comes_back_in_mid_run_loses_nothing(
    server: MlflowServer, tmp_path: Path
) -> None:
    (tmp_path / "best.ckpt").write_bytes(LARGE)
    with TrackedRun.start(TrackingStore.open(), "cnn") as run:
        slowest = log_steps(run, range(100))
        run.log_artifact(tmp_path / "best.ckpt", "checkpoints")
        await_upload(server)
        server.kill()
        slowest = max(slowest, log_steps(run, range(100, 200)))
        run.log_text("kept", "notes.txt")
        server.start()
        slowest = max(slowest, log_steps(run, range(200, STEPS)))
    assert slowest < STALL
    require_everything_once(run.id)


def await_upload(server: MlflowServer) -> None:
    """Wait until the server has begun to receive the large file, so that it dies in the middle."""
    deadline = time.monotonic() + 30
    while not server.receiving():
        assert time.monotonic() < deadline, "the upload was not seen"
        time.sleep(0.001)


def test_a_run_that_ends_while_the_server_is_away_is_delivered_by_sync(
    server: MlflowServer, tmp_path: Path, bcdl_at_server: Callable[..., int]
) -> None:
    (tmp_path / "best.ckpt").write_bytes(LARGE)
    with TrackedRun.start(TrackingStore.open(), "cnn") as run:
        run.patience = 1.0
        log_steps(run, range(100))
        server.kill()
        run.log_artifact(tmp_path / "best.ckpt", "checkpoints")
        run.log_text("kept", "notes.txt")
        log_steps(run, range(100, STEPS))
    assert bcdl_at_server("sync") == 1
    server.start()
    assert TrackingStore.open(deliver=False).status(run.id) == "RUNNING"
    assert bcdl_at_server("sync") == 0
    require_everything_once(run.id)


def test_a_server_whose_database_is_away_loses_nothing(
    server: MlflowServer, database: PostgreSQL, tmp_path: Path
) -> None:
    (tmp_path / "best.ckpt").write_bytes(LARGE)
    with TrackedRun.start(TrackingStore.open(), "cnn") as run:
        log_steps(run, range(100))
        database.stop()
        log_steps(run, range(100, 200))
        run.log_artifact(tmp_path / "best.ckpt", "checkpoints")
        run.log_text("kept", "notes.txt")
        time.sleep(3)
        database.start()
        log_steps(run, range(200, STEPS))
    require_everything_once(run.id)


def test_a_job_that_starts_while_the_server_is_away_waits_for_it(
    server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.kill()
    monkeypatch.setenv("BCDL_TRACKING_PATIENCE", "100")
    back = threading.Thread(target=server.start)
    back.start()
    with TrackedRun.start(TrackingStore.open(), "cnn") as run:
        run.log_metrics({"loss": 1.0})
    back.join()
    assert TrackingStore.open().status(run.id) == "FINISHED"


def test_eight_processes_that_start_at_once_on_a_new_sqlite_store_lose_no_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    code = (
        "import sys; from bcdl.tracking import TrackingStore, TrackedRun\n"
        "with TrackedRun.start(TrackingStore.open(sys.argv[1]), 'cnn') as run:\n"
        f"    for step in range({STEPS}): run.log_metrics({{'loss': step / 10}}, step)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "runs")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    processes = [subprocess.Popen(command, env=environment) for _ in range(WRITERS)]
    assert [process.wait(300) for process in processes] == [0] * WRITERS
    store = TrackingStore.open(tmp_path / "runs")
    runs = store.runs()
    assert runs["status"].tolist() == ["FINISHED"] * WRITERS
    for run_id in runs["run_id"]:
        history = store.client.get_metric_history(run_id, "loss")
        assert [point.step for point in history] == list(range(STEPS))


def test_a_parallel_sweep_on_the_server_has_its_study_in_postgresql_and_records_no_password(
    server: MlflowServer, database: PostgreSQL, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    study = database.database("studies").replace("@", ":s3cret@")
    typed = ("sweep.name=lr", "optimizer.lr=1e-3,2e-3,3e-3,4e-3", f"sweep.storage={study}")
    parallel = ("hydra/launcher=local", "hydra.launcher.n_jobs=2")
    command = [str(Path(sys.executable).with_name("bcdl")), "train", "-m", *tiny, *typed, *parallel]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run(command, check=True, cwd=tmp_path, env=environment, timeout=600)
    store = TrackingStore.open()
    parent = store.resolve("latest", kind="sweep")
    children = store.runs(parent=parent)
    assert (store.status(parent), children["status"].tolist()) == ("FINISHED", ["FINISHED"] * 4)
    assert store.has_artifact(parent, "leaderboard.csv")
    ledger = Ledger.open("lr", store.root, study)
    assert [trial.told for trial in ledger.trials()] == ["finished"] * 4
    assert {job.run for trial in ledger.trials() for job in trial.jobs} == set(children["run_id"])
    assert not list(store.root.glob("sweeps/*/study.journal"))
    for run_id in (parent, *children["run_id"]):
        require_no_password(store, run_id, tmp_path / run_id)


def require_no_password(store: TrackingStore, run_id: str, folder: Path) -> None:
    folder.mkdir()
    store.client.download_artifacts(run_id, "", str(folder))
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 3
    assert [file.name for file in files if b"s3cret" in file.read_bytes()] == []
    assert "s3cret" not in str(store.client.get_run(run_id).to_dictionary())


@pytest.fixture
def bcdl_at_server(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a command line in this process."""
    from bcdl.cli import main

    monkeypatch.setattr(sys, "path", list(sys.path))
    return lambda *typed: main(list(typed))
