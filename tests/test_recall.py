"""An old run whose data or checkpoint are gone is judged by what it has recorded, and says so."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bcdl

Verb = Callable[..., int]
REPORT = ("evaluate.report=true", "evaluate.draws=20", "evaluate.figures=false")


@pytest.fixture
def exams(tmp_path: Path) -> Path:
    """A manifest of small images on disk, that can be moved away."""
    import cv2

    folder = tmp_path / "exams"
    folder.mkdir()
    generator = np.random.default_rng(0)
    rows = []
    for number in range(48):
        label = number % 2
        pixels = generator.integers(0, 120, (32, 32), dtype=np.uint8) + np.uint8(100 * label)
        cv2.imwrite(str(folder / f"{number}.png"), pixels)
        split = ("train", "train", "val", "test")[number // 2 % 4]
        rows.append((f"p{number}", f"{number}.png", label, split))
    table = pd.DataFrame(rows, columns=["patient_id", "path", "label", "split"])
    table.to_csv(folder / "exams.csv", index=False)
    return folder


def test_data_that_are_gone_leave_a_report_without_images_that_says_so(
    exams: Path,
    train: Verb,
    bcdl_in_process: Verb,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = ("data=manifest", f"data.path={exams}/exams.csv", "data.store=stores")
    assert train(*data, "encoder=small_cnn", "encoder.widths=[4]", "trainer.max_epochs=1") == 0
    run = bcdl.load_run()
    before, table = run.metrics, run.predictions
    shutil.rmtree(exams)
    shutil.rmtree("stores")
    assert bcdl_in_process("evaluate", "run=latest", *REPORT, "evaluate.calibration=temperature") == 0
    printed = capsys.readouterr()
    assert f"expected a file, found none at {exams}" in printed.out + printed.err
    page = run.store.download(run.id, "report/report.html").read_text()
    assert "its data are not at hand any more: it has no images" in page
    assert str(exams) not in page
    assert "data:image" not in page
    assert "<h2>What was trained on what</h2>" in page
    assert not run.store.has_artifact(run.id, "report/model_card.md")
    assert run.metrics["test/auroc"] == pytest.approx(before["test/auroc"])
    assert not np.allclose(bcdl.load_run().predictions["probability"], table["probability"])
    assert bcdl_in_process("evaluate", "run=latest", *REPORT) == 0  # the model's own probabilities again
    pd.testing.assert_frame_equal(bcdl.load_run().predictions, table)


def test_a_run_without_a_checkpoint_is_reported_on_and_one_without_predictions_is_not(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("keep=none") == 0
    assert bcdl_in_process("evaluate", "run=latest", *REPORT) == 0
    run = bcdl.load_run()
    page = run.store.download(run.id, "report/report.html").read_text()
    assert "its checkpoint was not kept" in page
    assert "<th>malignant</th>" in page
    run.store.download(run.id, "predictions.parquet").unlink()
    capsys.readouterr()
    assert bcdl_in_process("evaluate", "run=latest") == 2
    err = capsys.readouterr().err
    assert "can neither be inferred again (its checkpoint was not kept" in err
    assert "Traceback" not in err
