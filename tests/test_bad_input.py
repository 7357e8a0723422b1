"""What bad input gets at the command line: an exit code, and one message without a traceback.

Mistakes of the user end with 2, a run that cannot go on with 1; nothing that was logged is lost.
"""

import errno
import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

import bcdl
from bcdl.data.readers.breastmnist import MD5
from bcdl.models import Classifier
from bcdl.notebook import Run
from bcdl.tracking import TrackingStore

Verb = Callable[..., int]
Edit = Callable[[pd.DataFrame], pd.DataFrame]
PATIENTS = 20
MANIFEST = (
    "data=manifest",
    "data.path=manifest.csv",
    "data.pseudonyms=false",
    "data.batch_size=4",
    "trainer.max_epochs=1",
)


def explained(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """Check the one message: it holds every one of the words, and is no traceback."""
    err = capsys.readouterr().err
    assert [text for text in words if text not in err] == [], err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (
            "model=cnnrnn",
            [
                "no 'cnnrnn' in the config group 'model'",
                "Did you mean 'cnn_rnn'?",
                "autoencoder, cnn, cnn_rnn, radiomics, transfer",
            ],
        ),
        ("encoder=resnet81", ["Did you mean 'resnet18'?", "small_cnn", "vit_b_16"]),
        (
            "experiments=views/view",
            ["no 'views/view' in the config group 'experiments'", "Did you mean 'views/views'?"],
        ),
        (
            "trainer.max_epoch=3",
            ["no key 'trainer.max_epoch'", "Did you mean 'trainer.max_epochs'?", "--cfg job"],
        ),
        ("lr=0.1", ["no key 'lr'", "Did you mean 'optimizer.lr'?"]),
        ("max_epochs", ["expected group=choice or key=value, found 'max_epochs'"]),
        ("encoder=torchvision", ["expected a value for encoder.name", "bcdl train encoder.name=<value>"]),
        ("encoder=torchvision encoder.name=resnet19", ["resnet19", "Did you mean 'resnet18'?"]),
        ("encoder.weights=nowhere.ckpt", ["nowhere.ckpt", "encoder.weights"]),
        ("model.mode=fine_tune", ["no key 'model.mode'"]),
        (
            "model=transfer model.mode=finetune",
            ["fine_tune, feature_extraction, separate_classifier", "'finetune'"],
        ),
        ("data=breastmnist data.root=nowhere", ["nowhere/breastmnist.npz", MD5[28], "data.download=true"]),
        ("data=breastmnist data.size=32", ["data.size of 28, 64, 128, 224, found 32"]),
        ("data=manifest", ["expected a value for data.path", "bcdl train data.path=<value>"]),
        ("data=manifest data.path=nowhere.csv", ["nowhere.csv", "data.path"]),
        ("data.unit=side", ["data.unit", "image, breast, exam, patient", "'side'"]),
        ("data.val_fraction=1.5", ["data.val_fraction from 0 to below 1, found 1.5"]),
        ("data.batch_size=500", ["data.batch_size from 1 to", "found 500; lower data.batch_size"]),
        ("resume=3f2a", ["expected a run for '3f2a'", "bcdl train"]),
        ("keep=some", ["keep to be one of all, best, none, found 'some'"]),
        ("evaluate.threshold=2", ["evaluate.threshold to be youden or a number from 0 to 1", "2"]),
    ],
)
def test_a_mistake_in_what_was_typed(
    typed: str, words: list[str], train: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(*typed.split()) == 2
    explained(capsys, words)


def test_a_corrupt_npz_is_named_with_both_md5s(
    train: Verb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "breastmnist.npz").write_bytes(b"PK half a file")
    assert train("data=breastmnist", f"data.root={tmp_path}") == 2
    found = hashlib.md5(b"PK half a file").hexdigest()
    explained(
        capsys, [f"{tmp_path}/breastmnist.npz", f"expected MD5 {MD5[28]}", f"found {found}", "data.download"]
    )


@pytest.fixture
def manifest(tmp_path: Path) -> pd.DataFrame:
    """A sound manifest of two views a patient; the images lie in the working directory."""
    rng = np.random.default_rng(0)
    splits = ["train"] * 12 + ["val"] * 4 + ["test"] * 4
    rows = [
        {
            "patient_id": f"p{patient}",
            "laterality": "L",
            "view": view,
            "path": f"p{patient}_{view}.png",
            "label": ("benign", "malignant")[patient % 2],
            "split": splits[patient],
        }
        for patient in range(PATIENTS)
        for view in ("CC", "MLO")
    ]
    for row in rows:
        cv2.imwrite(str(tmp_path / row["path"]), rng.integers(0, 255, (32, 32), dtype=np.uint8))
    return pd.DataFrame(rows)


def cell(row: int, column: str, value: str) -> Edit:
    """Put a value in a row (counted from 1) of a column."""
    return lambda frame: frame.assign(**{column: frame[column].where(frame.index != row - 1, value)})


def everywhere(column: str, value: str) -> Edit:
    return lambda frame: frame.assign(**{column: value})


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda frame: frame.drop(columns="patient_id"), ["manifest.csv", "expected a column 'patient_id'"]),
        (
            lambda frame: frame.rename(columns={"laterality": "lateralty"}),
            ["'lateralty'", "Did you mean 'laterality'?"],
        ),
        (
            cell(3, "laterality", "B"),
            ["laterality", "expected one of L, R, NA", "'B'", "row 3", "data.on_bad_row=skip"],
        ),
        (cell(4, "view", "CCC"), ["view", "CC, MLO", "'CCC'", "row 4"]),
        (cell(5, "path", "gone.png"), ["row 5", "gone.png", "data.on_bad_image=skip"]),
        (cell(6, "path", "broken.png"), ["row 6", "broken.png", "data.on_bad_image=skip"]),
        (cell(1, "split", "test"), ["expected every patient in one split", "p0", "same split"]),
        (
            cell(2, "label", "bening"),
            ["expected one of benign, malignant", "'bening'", "row 2", "Did you mean 'benign'?"],
        ),
        (cell(2, "label", "7"), ["expected one of benign, malignant", "'7'", "row 2", "data.classes"]),
        (lambda frame: frame[frame["split"] != "test"], ["labelled test samples", "data.test_fraction"]),
        (lambda frame: frame[frame["split"] != "train"], ["expected labelled train samples", "split"]),
        (everywhere("label", ""), ["expected labelled train samples", "label"]),
        (lambda frame: frame[:0], ["manifest.csv", "expected at least one image, found none"]),
    ],
)  # fmt: skip
def test_a_broken_manifest(
    edit: Edit, words: list[str], manifest: pd.DataFrame, train: Verb, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "broken.png").write_text("no image")
    edit(manifest).to_csv(tmp_path / "manifest.csv", index=False)
    assert train(*MANIFEST) == 2
    explained(capsys, words)


def test_other_bytes_than_a_table(train: Verb, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifest.parquet").write_text("no table")
    assert train("data=manifest", "data.path=manifest.parquet") == 2
    explained(capsys, ["manifest.parquet", "cannot read it"])


@pytest.mark.parametrize(
    ("edit", "left"),
    [
        (cell(5, "path", "gone.png"), 39),
        (cell(6, "path", "broken.png"), 39),
        (cell(3, "laterality", "B"), 39),
        (cell(2, "label", "bening"), 39),
    ],
)
def test_bad_rows_are_left_out_where_asked(
    edit: Edit, left: int, manifest: pd.DataFrame, train: Verb, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_text("no image")
    edit(manifest).to_csv(tmp_path / "manifest.csv", index=False)
    assert train(*MANIFEST, "data.on_bad_row=skip", "data.on_bad_image=skip") == 0
    run = bcdl.load_run()
    counts = pd.read_csv(run.store.download(run.id, "splits.csv"))
    assert counts["samples"].sum() == left


def test_a_checkpoint_of_another_architecture(train: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    assert train() == 0
    assert train("encoder=torchvision", "encoder.name=squeezenet1_1", "encoder.weights=run:latest") == 2
    explained(capsys, ["expected those of squeezenet1_1", "small_cnn", "choose the model and encoder"])


@pytest.mark.parametrize("verb", ["train", "evaluate run=latest"])
def test_an_unwritable_tracking_root(
    verb: str, bcdl_in_process: Verb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert bcdl_in_process(*verb.split(), f"tracking.root={tmp_path}/file/runs") == 2
    explained(capsys, [f"{tmp_path}/file/runs cannot be written", "set tracking.root"])


def test_an_unreachable_tracking_server_is_found_before_training(
    train: Verb, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    start = time.monotonic()
    assert train() == 2
    assert time.monotonic() - start < 30
    explained(capsys, ["http://127.0.0.1:9 cannot be opened", "MLFLOW_TRACKING_URI"])
    assert not (tmp_path / "cache").exists()


@pytest.fixture
def failing_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Let the first training step of the second epoch raise an error."""

    def fail_with(error: Exception) -> None:
        step = Classifier.training_step

        def training_step(model: Classifier, *args: Any) -> torch.Tensor:
            if model.current_epoch == 1:
                raise error
            return step(model, *args)

        monkeypatch.setattr(Classifier, "training_step", training_step)

    return fail_with


def logged(run: Run) -> None:
    """Check that the run failed, and that what it logged before is in MLflow."""
    assert run.store.status(run.id) == "FAILED"
    assert len(run.store.client.get_metric_history(run.id, "val/auroc")) == 1
    assert {"config.yaml", "samples.png", "error.txt"} <= {
        item.path for item in run.store.client.list_artifacts(run.id)
    }
    assert run.store.client.get_run(run.id).data.params["model"] == "cnn"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory."),
            ["data.batch_size=16", "Lower data.batch_size", "imaging.size"],
        ),
        (MemoryError(), ["data.batch_size=16", "Lower data.batch_size"]),
        (OSError(errno.ENOSPC, "No space left on device"), ["disk is full", "resume=latest"]),
    ],
)
def test_a_run_that_cannot_go_on_keeps_what_it_logged(
    error: Exception,
    words: list[str],
    train: Verb,
    failing_later: Callable[[Exception], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing_later(error)
    assert train() == 1
    explained(capsys, words)
    logged(bcdl.load_run())


def test_a_loss_that_becomes_non_finite_names_the_step_and_keeps_what_was_logged(
    train: Verb, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forward = Classifier.forward

    def spoilt(model: Classifier, batch: Any) -> torch.Tensor:
        logits = forward(model, batch)
        return logits * float("nan") if model.training and model.current_epoch == 1 else logits

    monkeypatch.setattr(Classifier, "forward", spoilt)
    assert train() == 1
    steps = bcdl.load_run().store.client.get_metric_history(bcdl.load_run().id, "train/loss")[0].step + 1
    explained(capsys, [f"the loss is nan in epoch 1, step {steps}", "optimizer.lr"])
    logged(bcdl.load_run())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for a tracking store and for little else."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_fills_up_leaves_a_failed_run_with_what_it_logged(
    small_disk: Path, train: Verb, database_template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small_disk / "mlflow.db").write_bytes(database_template.read_bytes())
    assert train(f"tracking.root={small_disk}", "encoder.widths=[64,128]") == 1
    explained(capsys, ["disk is full", "resume=latest"])
    store = TrackingStore.open(small_disk)
    assert store.status(store.resolve("latest")) == "FAILED"
