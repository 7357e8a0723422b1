"""`bcdl report`, and what a run's report holds."""

import webbrowser
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import bcdl
from bcdl.tracking import TrackedRun, TrackingStore

Verb = Callable[..., int]


@pytest.fixture
def reported(tracking_root: Path) -> TrackingStore:
    """A store with a run that has a report, and a later one that has none."""
    store = TrackingStore.open(tracking_root)
    with TrackedRun.start(store, "first") as run:
        run.log_text("<title>Report</title><h1>Its report</h1>", "report/report.html")
    with TrackedRun.start(store, "second"):
        pass
    return store


def first(store: TrackingStore) -> str:
    runs = store.runs()
    return str(runs.loc[runs["name"].str.startswith("first"), "run_id"].iloc[0])


def test_it_says_where_the_report_lies_copies_it_and_opens_it(
    reported: TrackingStore,
    bcdl_in_process: Verb,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []

    def open_it(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", open_it)
    run = first(reported)
    assert bcdl_in_process("report", run[:8]) == 0
    place = Path(capsys.readouterr().out.partition(": the report")[0])
    assert "Its report" in place.read_text()
    assert opened == []
    assert bcdl_in_process("report", run[:8], "--out", "mine.html", "--open") == 0
    assert Path("mine.html").read_bytes() == place.read_bytes()
    assert opened == [Path("mine.html").resolve().as_uri()]
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    assert bcdl_in_process("report", run[:8], "--open") == 0
    assert "There is no browser" in capsys.readouterr().out


def test_it_makes_a_pdf_of_a_report_that_is_there(reported: TrackingStore, bcdl_in_process: Verb) -> None:
    pytest.importorskip("weasyprint")
    assert bcdl_in_process("report", first(reported)[:8], "--pdf", "mine.pdf") == 0
    assert Path("mine.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("latest",), "has no report"),
        (("latest",), "bcdl evaluate run="),
        (("nobody",), "no run 'nobody'"),
        (("{first}", "--out", "mine.pdf"), "expected --out to name a .html file, found 'mine.pdf'"),
        (("{first}", "--out", "nowhere/mine.html"), "give --out a file in a folder that exists"),
        (("{first}", "--pdf", "mine.html"), "expected --pdf to name a .pdf file"),
    ],
)
def test_a_mistake_is_explained(
    typed: tuple[str, ...],
    told: str,
    reported: TrackingStore,
    bcdl_in_process: Verb,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert bcdl_in_process("report", *(word.format(first=first(reported)) for word in typed)) == 2
    err = capsys.readouterr().err
    assert told in err
    assert "Traceback" not in err


def test_a_trained_run_has_a_report_of_what_was_trained_its_errors_and_a_card(
    train: Verb, bcdl_in_process: Verb
) -> None:
    typed = ("data.unit=exam", "evaluate.report=true", "evaluate.draws=20", "evaluate.threshold=0.3")
    assert train(*typed, "evaluate.errors=2", "evaluate.pdf=true") == 0
    run = bcdl.load_run()
    page = run.store.download(run.id, "report/report.html").read_text()
    titles = [part.partition("</h2>")[0] for part in page.split("<h2>")[1:]]
    assert titles[:4] == ["What was trained on what", "Learning curves", "What was judged", "Metrics"]
    assert titles[-4:] == ["Worst errors", "Selective prediction", "Methods", "Limits"]
    for told in (
        "SmallCNN",
        "AdamW",
        "at most 2; the best by val/auroc is epoch",
        "fingerprint",
    ):
        assert told in page
    errors = pd.read_csv(run.store.download(run.id, "report/worst_errors.csv"))
    assert 0 < len(errors) <= 2
    wrong = run.predictions.set_index("sample_id").loc[errors["sample_id"]]
    assert set(wrong["split"]) == {"test"}
    assert ((wrong["probability"] >= 0.3).astype(int) != wrong["label"]).all()
    for kind in errors["error"].unique():
        assert run.store.has_artifact(run.id, f"figures/{kind.replace(' ', '_')}_1.jpg")
    card = run.store.download(run.id, "report/model_card.md").read_text()
    ends = [f"{run.metrics[f'test/auroc_ci_{end}']:.3f}" for end in ("low", "high")]
    assert f"{run.metrics['test/auroc']:.3f} ({ends[0]} to {ends[1]})" in card
    assert run.store.download(run.id, "report/report.pdf").read_bytes().startswith(b"%PDF-")
    again = ("evaluate.errors=0", "evaluate.pdf=false")
    assert bcdl_in_process("evaluate", "run=latest", *again) == 0
    later = run.store.download(run.id, "report/report.html").read_text()
    assert "Worst errors" not in later
    assert "Learning curves" in later
