"""`bcdl evaluate predictions=…`: anyone's predictions, no run needed."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

Verb = Callable[..., int]


@pytest.fixture
def predictions(tmp_path: Path) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    patient = np.repeat(np.arange(80), 2)
    label = (generator.random(80) < 0.4)[patient].astype(int)
    table = pd.DataFrame(
        {
            "sample_id": [f"s{number}" for number in range(160)],
            "patient_id": patient,
            "split": np.where(patient < 40, "val", "test"),
            "label": label,
            "probability": np.clip(generator.normal(0.35 + 0.25 * label, 0.2), 0.01, 0.99).round(4),
            "site": np.where(patient % 2, "A", "B"),
        }
    )
    table.to_csv(tmp_path / "mine.csv", index=False)
    return table


def test_a_file_gets_the_report_the_tables_and_the_metrics(
    predictions: pd.DataFrame, tmp_path: Path, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = [f"predictions={tmp_path}/mine.csv", f"out={tmp_path}/out", "evaluate.draws=200"]
    assert bcdl_in_process("evaluate", *typed, "evaluate.prevalence=0.01") == 0
    found = {
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert {
        "metrics.json",
        "calibrator.json",
        "report.html",
        "operating_points.csv",
        "subgroups.csv",
    } <= found
    assert {"figures/reliability.png", "figures/net_benefit.png", "figures/roc_curve.png"} <= found
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    test = predictions[predictions["split"] == "test"]
    assert metrics["auroc"]["value"] == pytest.approx(roc_auc_score(test["label"], test["probability"]))
    assert set(metrics["auroc"]) == {"value", "ci_low", "ci_high", "method"}
    assert {"patient/auroc", "auroc_delong", "youden/sensitivity", "youden/at_prevalence/ppv"} <= set(metrics)
    shown = capsys.readouterr().out
    assert "sample (80)" in shown
    assert "report.html: the whole report" in shown


def test_the_page_needs_nothing_from_elsewhere_and_escapes_what_it_shows(
    predictions: pd.DataFrame, tmp_path: Path, bcdl_in_process: Verb
) -> None:
    predictions.assign(site="<b>A</b>").drop(columns="split").to_csv(tmp_path / "mine.csv", index=False)
    typed = [f"predictions={tmp_path}/mine.csv", f"out={tmp_path}/out", "evaluate.draws=50"]
    assert bcdl_in_process("evaluate", *typed) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    assert "<b>A</b>" not in page
    assert "There is no column split" in page


def test_a_file_s_worst_errors_are_listed_and_the_page_is_a_pdf_where_asked(
    predictions: pd.DataFrame, tmp_path: Path, bcdl_in_process: Verb
) -> None:
    pytest.importorskip("weasyprint")
    typed = [f"predictions={tmp_path}/mine.csv", f"out={tmp_path}/out", "evaluate.draws=50"]
    assert bcdl_in_process("evaluate", *typed, "evaluate.errors=2", "evaluate.pdf=true") == 0
    errors = pd.read_csv(tmp_path / "out" / "worst_errors.csv")
    test = predictions[predictions["split"] == "test"]
    missed = test[(test["label"] == 1) & (test["probability"] < 0.5)]["probability"].min()
    alarm = test[(test["label"] == 0) & (test["probability"] >= 0.5)]["probability"].max()
    assert errors["probability"].tolist() == [missed, alarm]
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_columns_are_named_without_a_plus(
    predictions: pd.DataFrame, tmp_path: Path, bcdl_in_process: Verb
) -> None:
    predictions.rename(columns={"label": "cancer"}).to_csv(tmp_path / "mine.csv", index=False)
    typed = [f"predictions={tmp_path}/mine.csv", f"out={tmp_path}/out", "columns.label=cancer"]
    assert bcdl_in_process("evaluate", *typed, "evaluate.draws=50", "evaluate.figures=false") == 0
    assert not (tmp_path / "out" / "figures").exists()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "expected a run or a file of predictions"),
        ("run=latest predictions=mine.csv", "expected a run or a file of predictions"),
        ("predictions=none.csv", "a table of predictions, found no file"),
        ("predictions=mine.csv evaluate.calibration=plat", "Did you mean 'platt'?"),
        ("predictions=mine.csv out=mine.csv", "expected out to name a folder"),
        ("predictions=mine.csv evaluate.errors=-1", "expected evaluate.errors to be the number of errors"),
    ],
)
def test_a_mistake_is_explained(
    typed: str,
    told: str,
    predictions: pd.DataFrame,
    tmp_path: Path,
    bcdl_in_process: Verb,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert bcdl_in_process("evaluate", *typed.split()) == 2
    assert told in capsys.readouterr().err


def test_nothing_of_an_earlier_report_stays_beside_a_later_one(
    predictions: pd.DataFrame, tmp_path: Path, bcdl_in_process: Verb
) -> None:
    out = tmp_path / "out"
    typed = [f"out={out}", "evaluate.draws=20"]
    assert bcdl_in_process("evaluate", f"predictions={tmp_path}/mine.csv", *typed) == 0
    (out / "own.csv").write_text("kept")
    predictions.assign(label=0).drop(columns="site").to_csv(tmp_path / "one.csv", index=False)
    assert bcdl_in_process("evaluate", f"predictions={tmp_path}/one.csv", *typed) == 0
    left = {path.name for path in out.rglob("*")}
    assert not left & {"subgroups.csv", "operating_points.csv", "net_benefit.png"}
    assert {"own.csv", "report.html", "metrics.csv"} <= left


def test_a_file_is_judged_and_runs_are_compared_without_torch() -> None:
    asked = "import sys, bcdl.judge, bcdl.contrast, bcdl.standing, bcdl.evaluation.predictions"
    used = "from bcdl.evaluation.assessment import assess, written; from bcdl.evaluation import summarise"
    script = f"{asked}; {used}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
