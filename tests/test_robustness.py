"""`bcdl evaluate run=… evaluate.shifts=…`: an old run's test samples under controlled shifts."""

import re
from collections.abc import Callable

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import bcdl
from bcdl.notebook import Run

Verb = Callable[..., int]
QUICK = ("trainer.max_epochs=1", "model=cnn_rnn", "data.unit=exam")
pytestmark = pytest.mark.filterwarnings("ignore:class . does not occur")


def nested(parent: Run) -> Run:
    """The one run nested under another."""
    found = parent.store.runs(kind="evaluate", parent=parent.id)
    assert len(found) == 1
    return bcdl.load_run(found["run_id"][0])


def read(run: Run, name: str) -> pd.DataFrame:
    path = run.store.download(run.id, name)
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


def test_a_run_is_judged_under_shifts_in_a_nested_run_and_stays_as_it_was(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(*QUICK, "evaluate.threshold=youden", "evaluate.calibration=temperature") == 0
    before = bcdl.load_run()
    metrics = before.metrics
    typed = ("evaluate.shifts=[noise,missing_view]", "evaluate.report=true", "evaluate.draws=50")
    assert bcdl_in_process("evaluate", "run=latest", *typed) == 0
    assert re.search(r"missing_view +1 left out", capsys.readouterr().out)
    run = nested(before)
    table = read(run, "report/robustness.csv")
    assert table["shift"].tolist() == ["untouched", *["noise"] * 3, *["missing_view"] * 3]
    assert table["auroc"][0] == pytest.approx(metrics["test/auroc"])
    assert run.metrics["threshold"] == pytest.approx(metrics["threshold"])
    assert run.store.has_artifact(run.id, "figures/robustness.png")
    assert "Robustness" in run.store.download(run.id, "report/report.html").read_text()
    shifted = read(run, "shifted_predictions.parquet")
    for row in table.to_dict("records")[1:]:
        rows = shifted[(shifted["shift"] == row["shift"]) & (shifted["severity"] == row["severity"])]
        assert row["auroc"] == pytest.approx(roc_auc_score(rows["label"].astype(int), rows["logit"]))
        assert run.metrics[f"robustness/{row['shift']}/{row['severity']}/auroc"] == row["auroc"]
    assert before.metrics == metrics


def test_two_runs_of_the_same_data_see_the_same_noise_and_single_views_lose_none(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in (0, 1):
        assert train("trainer.max_epochs=1", "data.unit=image", f"seed={seed}") == 0
    capsys.readouterr()
    found = []
    for _ in range(2):
        assert bcdl_in_process("evaluate", "run=latest", "evaluate.shifts=all", "evaluate.draws=20") == 0
        found.append(capsys.readouterr().out)
    assert "missing_view does not apply: every test sample has one view" in found[0]
    runs = bcdl.load_run().store.runs(kind="evaluate")
    tables = [read(bcdl.load_run(run), "shifted_predictions.parquet") for run in runs["run_id"]]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert tables[0]["shift"].nunique() == 8


def test_features_do_not_see_pixels_change(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("skimage")
    assert train("model=radiomics", "data.unit=image") == 0
    assert bcdl_in_process("evaluate", "run=latest", "evaluate.shifts=blur") == 2
    assert "the model reads features" in capsys.readouterr().err
    assert bcdl_in_process("evaluate", "run=latest", "evaluate.tta=flip") == 2
    assert "set evaluate.tta=none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("run=latest evaluate.shifts=nois", "Did you mean 'noise'?"),
        ("predictions=mine.csv evaluate.shifts=all", "evaluate.shifts goes with run="),
        (
            "run=latest evaluate.shifts=all evaluate.tta=flip",
            "one of evaluate.shifts, evaluate.tta and data=",
        ),
        ("run=latest evaluate.shifts=all data=phantom", "one of evaluate.shifts, evaluate.tta and data="),
    ],
)
def test_a_mistake_is_explained(
    typed: str, told: str, trained: object, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("evaluate", *typed.split(), f"tracking.root={trained}") == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("typed", ["evaluate.shifts=all", "evaluate.tta=flip", "evaluate.runs=[a,b]"])
def test_training_refuses_what_is_for_trained_runs(
    typed: str, train: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(typed) == 2
    assert "is for runs that are trained" in capsys.readouterr().err
