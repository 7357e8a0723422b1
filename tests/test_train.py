"""`bcdl train` as a user types it: what a run leaves behind, how it ends, and how it goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from mlflow.entities import Run

from bcdl.cli import main
from bcdl.scores import METRICS
from bcdl.tracking import TrackingStore

FILES = {
    "config.yaml",
    "overrides.yaml",
    "provenance.json",
    "predictions.parquet",
    "samples.png",
    "splits.csv",
}
FIGURES = {"confusion_matrix.png", "roc_curve.png", "pr_curve.png", "learning_curves.png"}

Train = Callable[..., int]


def newest(root: Path) -> Run:
    store = TrackingStore.open(root)
    return store.client.get_run(store.resolve("latest"))


def artifacts(root: Path, run: Run, folder: str | None = None) -> set[str]:
    client = TrackingStore.open(root).client
    return {item.path.rpartition("/")[2] for item in client.list_artifacts(run.info.run_id, folder)}


def predictions(root: Path, run: Run) -> pd.DataFrame:
    return pd.read_parquet(TrackingStore.open(root).download(run.info.run_id, "predictions.parquet"))


def test_a_run_is_finished_and_holds_all_that_a_reviewer_asks_for(train: Train, tracking_root: Path) -> None:
    assert train() == 0
    run = newest(tracking_root)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == f"cnn-small_cnn-phantom-{run.info.run_id[:4]}"
    assert {
        f"{split}/{name}" for split in ("best/val", "test") for name in METRICS
    } <= run.data.metrics.keys()
    assert {"train/loss", "val/auroc", "test/patient/auroc", "parameters"} <= run.data.metrics.keys()
    assert artifacts(tracking_root, run) >= FILES
    assert artifacts(tracking_root, run, "figures") == FIGURES
    assert artifacts(tracking_root, run, "checkpoints") == {"best.ckpt"}
    assert run.data.params["model"] == "cnn"
    assert [each.dataset.name for each in run.inputs.dataset_inputs] == ["phantom"]


def test_a_run_has_a_report_with_intervals_and_their_ends_as_metrics(
    train: Train, tracking_root: Path
) -> None:
    assert train("evaluate.report=true") == 0
    run = newest(tracking_root)
    report = {"report.html", "metrics.json", "metrics.csv", "calibrator.json", "operating_points.csv"}
    assert report <= artifacts(tracking_root, run, "report")
    assert {"reliability.png", "net_benefit.png"} | FIGURES <= artifacts(tracking_root, run, "figures")
    metrics = run.data.metrics
    assert metrics["test/brier_ci_low"] < metrics["test/brier"] < metrics["test/brier_ci_high"]
    assert metrics["test/patient/brier_ci_low"] < metrics["test/patient/brier_ci_high"]


def test_the_same_command_twice_gives_the_same_bits(train: Train, tracking_root: Path) -> None:
    tables = []
    for _ in range(2):
        assert train("model.dropout=0.5", "augment=standard") == 0
        tables.append(predictions(tracking_root, newest(tracking_root)))
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_a_resumed_run_gives_the_bits_of_an_undisturbed_one(train: Train, tracking_root: Path) -> None:
    assert train("model.dropout=0.5", "scheduler=none", "trainer.max_epochs=3") == 0
    whole = newest(tracking_root)
    assert train("model.dropout=0.5", "scheduler=none", "trainer.max_epochs=1") == 0
    interrupted = newest(tracking_root)
    assert main(["train", "resume=latest", "trainer.max_epochs=3"]) == 0
    resumed = newest(tracking_root)
    assert resumed.info.run_id == interrupted.info.run_id != whole.info.run_id
    assert resumed.info.status == "FINISHED"
    tables = [predictions(tracking_root, run) for run in (whole, resumed)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_resume_takes_no_other_overrides(
    train: Train, tracking_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train() == 0
    assert main(["train", "resume=latest", "optimizer.lr=1"]) == 2
    assert "optimizer.lr=1" in capsys.readouterr().err


def test_a_finished_run_without_its_last_checkpoint_cannot_go_on(
    train: Train, tracking_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("keep=best") == 0
    assert main(["train", "resume=latest", "trainer.max_epochs=4"]) == 2
    assert "keep=all" in capsys.readouterr().err


def test_from_starts_a_new_run_with_the_old_configuration_changed(train: Train, tracking_root: Path) -> None:
    assert train("model=cnn_rnn") == 0
    first = newest(tracking_root)
    assert main(["train", f"from={first.info.run_id}", "optimizer.lr=3e-4"]) == 0
    second = newest(tracking_root)
    assert second.info.run_id != first.info.run_id
    changed = {key for key in second.data.params if second.data.params[key] != first.data.params.get(key)}
    assert changed == {"lr"}


def test_a_model_starts_from_the_encoder_of_an_earlier_run(train: Train, tracking_root: Path) -> None:
    assert train() == 0
    earlier = newest(tracking_root).info.run_id
    assert train("model=cnn_rnn", f"encoder.weights=run:{earlier}") == 0


def test_a_checkpoint_of_another_architecture_is_named(
    train: Train, tracking_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train() == 0
    earlier = newest(tracking_root).info.run_id
    assert train("encoder.widths=[4,4]", f"encoder.weights=run:{earlier}") == 2
    assert "small_cnn" in capsys.readouterr().err
    assert newest(tracking_root).info.status == "FAILED"


def test_data_without_test_samples_are_judged_by_validation_alone(
    train: Train, tracking_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("data.test_fraction=0") == 0
    run = newest(tracking_root)
    assert "best/val/auroc" in run.data.metrics
    assert not [name for name in run.data.metrics if name.startswith("test/")]
    assert set(predictions(tracking_root, run)["split"]) == {"val"}
    assert artifacts(tracking_root, run, "figures") == FIGURES


def test_data_without_validation_samples_are_refused_before_training(
    train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("data.val_fraction=0") == 2
    assert "expected labelled val samples" in capsys.readouterr().err


@pytest.mark.parametrize("monitor", ["train/loss", "val/auc"])
def test_a_monitor_that_cannot_judge_leaves_no_run(train: Train, tracking_root: Path, monitor: str) -> None:
    assert train(f"callbacks.best.monitor={monitor}") == 2
    assert TrackingStore.open(tracking_root).runs(kind=None).empty


def test_of_a_loss_the_lowest_epoch_is_kept(train: Train, tracking_root: Path) -> None:
    assert train("callbacks.best.monitor=val/loss", "trainer.max_epochs=4") == 0
    run = newest(tracking_root)
    history = TrackingStore.open(tracking_root).client.get_metric_history(run.info.run_id, "val/loss")
    losses = [point.value for point in sorted(history, key=lambda point: point.step)]
    assert run.data.metrics["best_epoch"] == 1 + losses.index(min(losses))


def test_keep_none_leaves_no_checkpoint(train: Train, tracking_root: Path) -> None:
    assert train("keep=none") == 0
    run = newest(tracking_root)
    assert "checkpoints" not in artifacts(tracking_root, run)
    assert not list((tracking_root / "runs" / run.info.run_id).glob("*.ckpt"))


def test_a_non_finite_loss_names_the_step_and_leaves_a_failed_run_with_its_curves(
    train: Train, tracking_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        train("optimizer=sgd", "optimizer.lr=1e30", "trainer.gradient_clip_val=null", "callbacks=no_ema") == 1
    )
    assert "step" in capsys.readouterr().err
    run = newest(tracking_root)
    assert run.info.status == "FAILED"
    assert "error.txt" in artifacts(tracking_root, run)


def test_a_batch_larger_than_the_data_is_a_users_mistake(
    train: Train, tracking_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("data.batch_size=500") == 2
    assert "lower data.batch_size" in capsys.readouterr().err


@pytest.mark.parametrize(
    "typed", ["keep=some", "evaluate.threshold=2", "data.unit=side", "data.reader.patients=0"]
)
def test_a_value_that_cannot_be_leaves_no_run(train: Train, tracking_root: Path, typed: str) -> None:
    assert train(typed) == 2
    assert TrackingStore.open(tracking_root).runs(kind=None).empty


def test_a_sweep_is_one_parent_with_a_nested_child_a_job(train: Train, tracking_root: Path) -> None:
    assert train("-m", "model=cnn,cnn_rnn", "trainer.max_epochs=1") == 0
    store = TrackingStore.open(tracking_root)
    parent = store.client.get_run(store.resolve("latest", kind="sweep"))
    children = store.runs(parent=parent.info.run_id)
    assert parent.info.status == "FINISHED"
    assert set(children["status"]) == {"FINISHED"}
    assert len(children) == 2
    assert parent.data.tags["bcdl.best_run"] in set(children["run_id"])
    assert {"leaderboard.csv", "leaderboard.png"} <= artifacts(tracking_root, parent)


def test_a_sweep_goes_on_after_a_failed_job_and_says_so(
    train: Train, tracking_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("-m", "model.dropout=2,0.1") == 1
    assert "trial 0 model.dropout=2: " in capsys.readouterr().err
    store = TrackingStore.open(tracking_root)
    parent = store.client.get_run(store.resolve("latest", kind="sweep"))
    assert parent.info.status == "FAILED"
    assert set(store.runs(parent=parent.info.run_id)["status"]) == {"FINISHED", "FAILED"}


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_is_killed_and_can_go_on(
    train: Train, tiny: tuple[str, ...], tracking_root: Path, sent: signal.Signals, code: int
) -> None:
    command = [sys.executable, "-m", "bcdl.cli", "train", *tiny, "trainer.max_epochs=500"]
    process = subprocess.Popen(command, env=dict(os.environ), preexec_fn=heed_interrupts)
    wait_for(lambda: any((tracking_root / "runs").glob("*/last.ckpt")), 120)
    process.send_signal(sent)
    assert process.wait(60) == code
    run = newest(tracking_root)
    assert run.info.status == "KILLED"
    done = len(TrackingStore.open(tracking_root).client.get_metric_history(run.info.run_id, "train/loss"))
    assert main(["train", "resume=latest", f"trainer.max_epochs={done + 1}"]) == 0
    assert newest(tracking_root).info.status == "FINISHED"


def heed_interrupts() -> None:
    """Undo what a shell does to commands in its background, and so to these tests, where they run in one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
