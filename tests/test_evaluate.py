"""`bcdl evaluate`: the results of an old run again, with its own configuration."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import bcdl
from bcdl.scores import METRICS

Verb = Callable[..., int]
LASTING = [f"{split}/{name}" for split in ("best/val", "test") for name in METRICS]


def test_an_evaluated_run_has_the_predictions_and_metrics_of_its_training(
    trained: Path, bcdl_in_process: Verb
) -> None:
    before = bcdl.load_run("latest", trained)
    predictions, metrics = before.predictions, before.metrics
    assert bcdl_in_process("evaluate", "run=latest", f"tracking.root={trained}") == 0
    after = bcdl.load_run("latest", trained)
    pd.testing.assert_frame_equal(after.predictions, predictions, check_exact=True)
    assert {name: after.metrics[name] for name in LASTING} == pytest.approx(
        {name: metrics[name] for name in LASTING}, abs=0, nan_ok=True
    )
    assert after.store.status(after.id) == "FINISHED"
    assert after.store.runs(kind=None)["run_id"].tolist() == [before.id]


def test_youden_s_threshold_is_fitted_on_validation_and_a_failed_run_stays_failed(
    train: Verb, bcdl_in_process: Verb
) -> None:
    assert train() == 0
    run = bcdl.load_run()
    run.store.client.set_terminated(run.id, "FAILED")
    metrics = run.metrics
    assert metrics["threshold"] == 0.5
    assert bcdl_in_process("evaluate", "run=latest", "evaluate.threshold=youden") == 0
    assert run.store.status(run.id) == "FAILED"
    evaluated = run.metrics
    assert evaluated["threshold"] == metrics["youden/threshold"]
    validation = run.predictions.query("split == 'val'")
    called = validation["probability"] >= evaluated["threshold"]
    assert evaluated["best/val/sensitivity"] == called[validation["label"] == 1].mean()
    assert evaluated["test/auroc"] == metrics["test/auroc"]


def test_what_is_not_typed_stays_as_the_run_was_trained(train: Verb, bcdl_in_process: Verb) -> None:
    assert train("evaluate.threshold=youden", "evaluate.aggregate=max") == 0
    run = bcdl.load_run()
    before = run.metrics
    assert bcdl_in_process("evaluate", "run=latest") == 0
    assert run.metrics["threshold"] == before["threshold"] == before["youden/threshold"]
    assert run.metrics["test/patient/accuracy"] == before["test/patient/accuracy"]


def test_a_run_is_not_evaluated_on_data_that_have_changed(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train() == 0
    run = bcdl.load_run()
    before = run.metrics
    run.store.client.set_tag(run.id, "bcdl.data_fingerprint", "0123456789abcdef")
    assert bcdl_in_process("evaluate", "run=latest") == 2
    assert "fingerprint 0123456789ab" in capsys.readouterr().err
    assert run.metrics == before
    assert bcdl_in_process("train", "resume=latest", "trainer.max_epochs=3") == 2
    assert run.store.status(run.id) == "FINISHED"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("", ["expected a run or a file of predictions", "run=latest"]),
        ("run=latest", ["expected a run for 'latest'", "bcdl train"]),
        ("run=latest evaluate.threshold=yuden", ["expected evaluate.threshold", "Did you mean 'youden'?"]),
        ("run=latest model=cnn", ["`bcdl evaluate` has no config group 'model'", "--help"]),
        ("run=latest evaluate.aggregate=median", ["evaluate.aggregate to be one of mean, max"]),
    ],
)
def test_a_mistake_is_explained(
    typed: str, shown: list[str], bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("evaluate", *typed.split()) == 2
    err = capsys.readouterr().err
    assert all(text in err for text in shown), err
    assert "Traceback" not in err


def test_a_calibrator_does_not_raise_the_score_by_which_runs_are_compared(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("trainer.max_epochs=1", "data.unit=image") == 0
    run = bcdl.load_run()
    before = run.metrics
    changed = ("evaluate.calibration=isotonic", "evaluate.threshold=youden", "evaluate.draws=20")
    assert bcdl_in_process("evaluate", "run=latest", *changed) == 0
    after = run.metrics
    assert after["best/val/brier"] < before["best/val/brier"]
    assert after["best/val/auroc"] == before["best/val/auroc"]
    assert after["best/val/patient/auroc"] == before["best/val/patient/auroc"]
    assert after["threshold"] != before["threshold"]
    # and a comparison decides at the threshold that was applied last
    assert train("trainer.max_epochs=1", "data.unit=image", "seed=1") == 0
    capsys.readouterr()
    assert bcdl_in_process("compare", run.id, "latest", "--test", "--json", "tests.json") == 0
    tests = json.loads(Path("tests.json").read_text())["comparisons"][0]["tests"]
    assert tests["mcnemar_sensitivity"]["first"] == pytest.approx(after["test/sensitivity"])


def test_an_evaluation_of_other_data_has_no_model_to_evaluate(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("trainer.max_epochs=1") == 0
    assert bcdl_in_process("evaluate", "run=latest", "evaluate.tta=flip") == 0
    run = bcdl.load_run()
    nested = run.store.runs(kind="evaluate", parent=run.id)["run_id"][0]
    for typed in (("evaluate",), ("explain",), ("predict", "input=.")):
        capsys.readouterr()
        assert bcdl_in_process(*typed, f"run={nested}") == 2
        assert f"has no model of its own; name {run.id}" in capsys.readouterr().err
