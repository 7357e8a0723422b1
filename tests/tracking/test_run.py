import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from requests import HTTPError, Response

from bcdl.errors import RunError, UserError
from bcdl.tracking import TrackedRun, TrackingStore, log_provenance, run_name
from bcdl.tracking.belonging import mark_on

mpl.use("agg")


@pytest.fixture
def store(tracking_root: Path) -> TrackingStore:
    return TrackingStore.open(tracking_root)


def status_after(store: TrackingStore, error: BaseException) -> tuple[str, str]:
    run = TrackedRun.start(store, "cnn")
    with pytest.raises(type(error)), run:
        raise error
    return store.status(run.id), run.id


def lightning_exit() -> SystemExit:
    """Ctrl-C as Lightning's `fit` passes it on."""
    stop = SystemExit(1)
    stop.__context__ = KeyboardInterrupt()
    return stop


def test_a_run_that_ends_well_is_finished_and_leaves_no_journal(store: TrackingStore) -> None:
    with TrackedRun.start(store, "cnn") as run:
        assert store.status(run.id) == "RUNNING"
    assert store.status(run.id) == "FINISHED"
    assert [file.name for file in run.folder.iterdir()] == ["journal.lock"]


@pytest.mark.parametrize("error", [ValueError("bad"), UserError("bad"), RunError("bad"), SystemExit(3)])
def test_an_error_is_failed_with_its_traceback(store: TrackingStore, error: BaseException) -> None:
    status, run_id = status_after(store, error)
    assert status == "FAILED"
    assert f"{type(error).__name__}: {error}" in store.download(run_id, "error.txt").read_text()
    assert store.client.get_run(run_id).data.tags["bcdl.error"] == f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), lightning_exit(), SystemExit(143)])
def test_an_interruption_is_killed(store: TrackingStore, error: BaseException) -> None:
    assert status_after(store, error)[0] == "KILLED"


def test_a_run_knows_what_it_has_logged_before_it_arrives_and_what_an_earlier_process_had(
    store: TrackingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TrackedRun.start(store, "cnn") as run, monkeypatch.context() as away:
        away.setattr(MlflowClient, "get_run", None)  # a store that is away is not asked
        run.log_metrics({"loss": 2.0, "auroc": 0.5})
        run.log_metrics({"loss": 1.0}, step=1)
        run.set_tags({"mine": "a"})
        assert run.metrics() == {"loss": 1.0, "auroc": 0.5}
        assert run.tags() == {"mine": "a"}
    with TrackedRun.resume(store, run.id) as again:
        again.log_metrics({"auroc": 0.75})
        assert again.metrics() == {"loss": 1.0, "auroc": 0.75, "seconds": run.metrics()["seconds"]}
        assert again.tags()["mine"] == "a"


@pytest.mark.slow
def test_sigterm_is_killed_and_exits_143(store: TrackingStore, tmp_path: Path) -> None:
    code = (
        "import sys, time; from bcdl.tracking import TrackingStore, TrackedRun\n"
        "with TrackedRun.start(TrackingStore.open(sys.argv[1]), 'cnn') as run:\n"
        "    run.log_metrics({'loss': 1.0}); print(run.id, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(store.root)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        run_id = process.stdout.readline().strip()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    assert store.status(run_id) == "KILLED"
    assert store.metrics(run_id)["loss"] == 1.0


@pytest.mark.slow
def test_a_run_whose_process_died_is_delivered_and_killed_at_the_next_open(store: TrackingStore) -> None:
    code = (
        "import os, sys; from bcdl.tracking import TrackingStore, TrackedRun\n"
        "run = TrackedRun.start(TrackingStore.open(sys.argv[1]), 'cnn')\n"
        "run.log_text('x', 'a.txt'); run.log_metrics({'loss': 2.0}); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(store.root)]).returncode == -9
    store = TrackingStore.open(store.root)
    run_id = store.resolve("latest")
    assert store.status(run_id) == "KILLED"
    assert store.metrics(run_id)["loss"] == 2.0
    assert store.download(run_id, "a.txt").read_text() == "x"


def test_a_run_that_ends_while_another_process_looks_stays_finished(
    store: TrackingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = TrackedRun.start(store, "cnn")
    seen = [run.folder / "journal.jsonl"]
    with run:
        run.log_metrics({"loss": 1.0})
    monkeypatch.setattr(Path, "glob", lambda *_: seen)
    store.deliver_leftovers()
    assert store.status(run.id) == "FINISHED"
    assert not seen[0].exists()


def test_odd_characters_in_a_parameter_s_name_lose_no_other_parameter(store: TrackingStore) -> None:
    with TrackedRun.start(store, "cnn") as run:
        run.log_params({"model": "cnn", "encoder@x": "resnet18"})
    assert store.client.get_run(run.id).data.params == {"model": "cnn", "encoder_x": "resnet18"}


def test_opening_the_store_leaves_a_live_run_alone(store: TrackingStore) -> None:
    with TrackedRun.start(store, "cnn") as run:
        run.log_metrics({"loss": 1.0})
        TrackingStore.open(store.root)
        assert store.status(run.id) == "RUNNING"
        with pytest.raises(UserError, match="another process"):
            TrackedRun.resume(store, run.id)


def test_everything_logged_arrives(store: TrackingStore, tmp_path: Path) -> None:
    figure = Figure()
    (tmp_path / "best.ckpt").write_bytes(b"weights")
    with TrackedRun.start(store, "cnn", tags={"study": "views"}) as run:
        run.log_params({"model": "cnn", "long": "x" * 7000, **{f"p{i}": i for i in range(120)}})
        run.log_metrics({"val/auroc": float("nan"), "val/loss": 0.3}, step=4)
        run.log_artifact(tmp_path / "best.ckpt", "checkpoints")
        (tmp_path / "best.ckpt").write_bytes(b"later")
        run.log_figure(figure, "figures/roc.png")
        run.log_table(pd.DataFrame({"a": [1]}), "predictions.parquet")
        run.log_input("phantom", "f" * 64, "phantom", "training")
    logged = store.client.get_run(run.id)
    assert logged.data.params["model"] == "cnn"
    assert len(logged.data.params) == 122
    assert len(logged.data.params["long"]) == 6000
    assert logged.data.tags["study"] == "views"
    assert logged.data.metrics["val/auroc"] != logged.data.metrics["val/auroc"]
    assert store.client.get_metric_history(run.id, "val/loss")[0].step == 4
    assert store.download(run.id, "checkpoints/best.ckpt").read_bytes() == b"weights"
    assert store.download(run.id, "figures/roc.png").stat().st_size > 0
    assert pd.read_parquet(store.download(run.id, "predictions.parquet"))["a"].tolist() == [1]
    assert logged.inputs.dataset_inputs[0].dataset.digest == "f" * 36


def test_a_table_of_another_kind_is_refused(store: TrackingStore) -> None:
    with pytest.raises(UserError, match=r"\*\.parquet"), TrackedRun.start(store, "cnn") as run:
        run.log_table(pd.DataFrame(), "table.xlsx")


def test_a_resumed_run_goes_on_and_keeps_its_parameters(store: TrackingStore) -> None:
    status, run_id = status_after(store, KeyboardInterrupt())
    with TrackedRun.resume(store, run_id) as run:
        assert store.status(run_id) == "RUNNING"
        run.log_params({"max_epochs": 5})
    with TrackedRun.resume(store, run_id) as run:
        run.log_params({"max_epochs": 9, "model": "cnn"})
    logged = store.client.get_run(run_id)
    assert (status, logged.info.status) == ("KILLED", "FINISHED")
    assert logged.data.params == {"max_epochs": "5", "model": "cnn"}
    assert logged.data.tags["changed.max_epochs"] == "9"


def test_adding_to_an_ended_run_leaves_its_status_and_end(store: TrackingStore) -> None:
    with TrackedRun.start(store, "cnn") as run:
        pass
    before = store.client.get_run(run.id).info
    reopened = TrackedRun.reopen(store, run.id)
    reopened.log_metrics({"test/auroc": 0.9})
    with pytest.raises(ValueError, match="bad"), reopened:
        raise ValueError("bad")
    after = store.client.get_run(run.id)
    assert (after.info.status, after.info.end_time) == (before.status, before.end_time)
    assert after.data.metrics["test/auroc"] == 0.9


def test_a_run_that_goes_on_is_not_reopened(store: TrackingStore) -> None:
    with TrackedRun.start(store, "cnn") as run:
        pass
    store.client.update_run(run.id, status="RUNNING")  # its end of before stays in MLflow
    with pytest.raises(UserError, match="is RUNNING"):
        TrackedRun.reopen(store, run.id)


def test_an_error_hides_the_places_of_the_configuration_and_those_of_the_command(
    store: TrackingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["bcdl", "train", "data.path=/clinic/exams.csv"])
    run = TrackedRun.start(store, "cnn")
    run.hide({"data.root": "/clinic/images"})
    run.close("FAILED", ValueError("/clinic/images/1.dcm of /clinic/exams.csv"))
    tag = store.client.get_run(run.id).data.tags["bcdl.error"]
    assert tag == "ValueError: <data.root>/1.dcm of <data.path>"
    assert "/clinic" not in store.download(run.id, "error.txt").read_text()


def test_a_run_marks_its_folder_as_its_store_s(store: TrackingStore) -> None:
    with TrackedRun.start(store, "cnn") as run:
        pass
    assert mark_on(run.folder) == store.mark


def test_a_refused_entry_is_kept_and_blocks_nothing(store: TrackingStore) -> None:
    with TrackedRun.start(store, "cnn") as run:
        run.log_metrics({"bad\nname": 1.0})
        run.log_metrics({"good": 1.0})
    assert store.metrics(run.id)["good"] == 1.0
    assert "bad" in (run.folder / "rejected.jsonl").read_text()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCDL_TRACKING_PATIENCE", "0")


def nobody(*args: object, **kwargs: object) -> None:
    raise MlflowException("nobody there")


def test_a_resumed_run_whose_earlier_end_has_not_arrived_gets_its_new_one(
    store: TrackingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = TrackedRun.start(store, "cnn")
    run.patience = 0.05
    with monkeypatch.context() as dead:
        for name in ("log_batch", "set_terminated"):
            dead.setattr(MlflowClient, name, nobody)
        run.close("KILLED")
    with TrackedRun.resume(store, run.id) as again:
        again.log_metrics({"loss": 1.0})
    assert store.status(run.id) == "FINISHED"
    assert store.metrics(run.id)["loss"] == 1.0


def test_a_run_is_created_once_though_the_answer_was_lost(
    store: TrackingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, created = MlflowClient.create_run, []

    def lose_the_answer(*args: Any, **kwargs: Any) -> None:
        created.append(create(*args, **kwargs).info.run_id)
        raise MlflowException("the answer was lost")

    monkeypatch.setattr(MlflowClient, "create_run", lose_the_answer)
    with TrackedRun.start(store, "cnn") as run:
        pass
    assert created == [run.id]
    assert store.client.get_run(run.id).info.run_name == f"cnn-{run.id[:4]}"


@pytest.mark.usefixtures("impatient")
def test_a_run_that_no_store_answers_to_says_so(
    store: TrackingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MlflowClient, "create_run", nobody)
    with pytest.raises(RunError, match="has not answered for 0 s"):
        TrackedRun.start(store, "cnn")


@pytest.mark.usefixtures("impatient")
def test_a_run_that_could_not_begin_ends_as_failed_later(
    store: TrackingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dead:
        dead.setattr("bcdl.tracking.run.PATIENCE", 0.05)
        for name in ("update_run", "log_batch", "log_artifact", "set_terminated"):
            dead.setattr(MlflowClient, name, nobody)
        with pytest.raises(RunError):
            TrackedRun.start(store, "cnn")
    store.deliver_leftovers()
    assert store.runs()["status"].tolist() == ["FAILED"]


def test_a_password_in_an_address_is_recorded_nowhere(
    store: TrackingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "sweep.storage=postgresql://reader:s3cret@host/optuna"
    monkeypatch.setattr("sys.argv", ["bcdl", "train", secret])
    run = TrackedRun.start(store, "cnn")
    log_provenance(run)
    run.log_params({"sweep.storage": secret})
    run.log_text(secret, "config.yaml")
    run.set_tags({"command": secret})
    run.close("FAILED", ValueError(secret))
    texts = [file.read_bytes() for file in store.root.rglob("*") if file.is_file()]
    assert not [text for text in texts if b"s3cret" in text]
    assert "reader:***@host" in store.download(run.id, "config.yaml").read_text()


def test_an_artifact_that_is_refused_for_good_is_kept(
    store: TrackingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_large = Response()
    too_large.status_code = 413

    def refuse(*args: object) -> None:
        raise HTTPError("too large", response=too_large)

    monkeypatch.setattr(MlflowClient, "log_artifact", refuse)
    with TrackedRun.start(store, "cnn") as run:
        run.log_text("weights", "best.ckpt")
        run.log_metrics({"after": 1.0})
    assert (store.status(run.id), store.metrics(run.id)["after"]) == ("FINISHED", 1.0)
    assert [file.read_text() for file in run.folder.glob("rejected/*/best.ckpt")] == ["weights"]


def test_the_handler_of_sigterm_is_restored(store: TrackingStore) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with TrackedRun.start(store, "cnn"):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_child_is_nested_under_its_parent(store: TrackingStore) -> None:
    with (
        TrackedRun.start(store, "sweep", kind="sweep") as parent,
        TrackedRun.start(store, "cnn", parent=parent.id),
    ):
        pass
    assert len(store.runs(parent=parent.id)) == 1


def test_names_tell_runs_apart() -> None:
    assert run_name("cnn_rnn", "resnet18", "breastmnist", "3f2a" * 8) == "cnn_rnn-resnet18-breastmnist-3f2a"


def test_telemetry_is_off() -> None:
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
