"""`bcdl explain`: what it records in the run that it explains, for every kind of model."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

import bcdl
from bcdl.tracking import TrackingStore

Verb = Callable[..., int]
QUICK = ("n=3", "most=2", "check=false", "methods=[grad_cam]")


def recorded(name: str, root: Path | None = None) -> Path:
    run = bcdl.load_run("latest", root)
    return run.store.download(run.id, f"explain/test/{name}")


@pytest.fixture
def explained(trained: Path, bcdl_in_process: Verb) -> Callable[..., Path]:
    """Explain the shared run of `cnn_rnn` on breasts; the root."""

    def run(*typed: str) -> Path:
        assert bcdl_in_process("explain", "run=latest", f"tracking.root={trained}", *typed) == 0
        return trained

    return run


def test_sheets_scores_and_like_cases_are_recorded_in_the_run(
    explained: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = explained("n=4", "most=4", "methods=[grad_cam,layer_cam]")
    store = TrackingStore.open(root)
    run = bcdl.load_run("latest", root)
    scores = pd.read_csv(recorded("scores.csv", root)).set_index("method")
    assert scores.index.tolist() == ["grad_cam", "layer_cam", "brightness"]
    assert scores["hit_rate"].between(0, 1).all()
    assert (scores["hit_rate_chance"] < 0.3).all()
    assert scores.loc["grad_cam", "randomisation_cutoff"] == 0.5
    assert run.metrics["explain/test/grad_cam/hit_rate"] == scores.loc["grad_cam", "hit_rate"]
    for name in ("grad_cam", "layer_cam", "neighbours", "froc"):
        assert imread(recorded(f"{name}.png", root)).ndim == 3
    rates = pd.read_csv(recorded("froc.csv", root))
    assert rates["false_marks_per_image"].unique().tolist() == ["0.25", "0.5", "1", "2", "4", "mean"]
    steps = pd.read_csv(recorded("randomisation.csv", root))
    assert set(steps["method"]) == {"grad_cam", "layer_cam"}
    assert store.status(run.id) == "FINISHED"
    shown = capsys.readouterr().out
    assert "hit rate" in shown
    assert "brightness" in shown


def test_views_lesions_and_their_kinds_are_those_of_the_findings(explained: Callable[..., Path]) -> None:
    root = explained(*QUICK, "most=99")
    data = bcdl.load_run("latest", root).data
    pointing = pd.read_csv(recorded("pointing.csv", root)).query("method == 'grad_cam'")
    findings = data.table.findings.query("label == 1")
    rows = [row for rows in data.split_samples("test")["rows"] for row in rows]
    images = data.table.images.iloc[rows]["image_id"]
    expected = findings[findings["image_id"].isin(images)].groupby("image_id")["kind"].first()
    assert len(expected) > 0
    assert pointing.set_index("image_id")["kinds"].to_dict() == expected.to_dict()


def test_contributions_sum_up_to_the_logit_and_neighbours_are_other_patients_training_cases(
    explained: Callable[..., Path],
) -> None:
    root = explained(*QUICK)
    shares = pd.read_csv(recorded("contributions.csv", root)).groupby("sample_id")
    probability = shares["probability"].first().to_numpy(float)
    logit = np.log(probability / (1 - probability))
    assert shares["contribution"].sum().to_numpy() == pytest.approx(logit, abs=1e-4)
    cases = pd.read_csv(recorded("neighbours.csv", root))
    assert cases.groupby("sample_id")["rank"].apply(list).tolist() == [[1, 2, 3]] * 3
    training = bcdl.load_run("latest", root).data.split_samples("train")["sample_id"]
    assert cases["neighbour"].isin(training).all()


@pytest.mark.parametrize("which", ["highest", "errors", "random"])
def test_the_samples_shown_are_chosen_as_asked(which: str, explained: Callable[..., Path]) -> None:
    root = explained(*QUICK, f"which={which}", "scores=false", "neighbours=1")
    run = bcdl.load_run("latest", root)
    shown = pd.read_csv(recorded("neighbours.csv", root))["sample_id"].tolist()
    test = run.predictions.query("split == 'test'").set_index("sample_id")
    own = test["probability"].where(test["label"] == 1, 1 - test["probability"])
    if which == "random":
        assert set(shown) <= set(test.index)
    else:
        ordered = test["probability"].nlargest(3) if which == "highest" else own.nsmallest(3)
        assert shown == ordered.index.tolist()


@pytest.mark.parametrize(
    ("typed", "methods"),
    [
        ("model=autoencoder data.unit=exam", "reconstruction_error"),
        ("model=transfer model.mode=separate_classifier encoder=small_cnn encoder.widths=[4,8]", "occlusion"),
        ("model=radiomics data.unit=exam", ""),
    ],
)
def test_every_model_is_explained_by_what_works_for_it(
    typed: str, methods: str, train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(*typed.split()) == 0
    chosen = [f"methods=[{methods}]"] if methods else []
    assert bcdl_in_process("explain", "run=latest", "n=2", "most=2", "check=false", *chosen) == 0
    assert len(pd.read_csv(recorded("neighbours.csv"))) == 6
    shown = capsys.readouterr().out
    if methods:
        assert pd.read_csv(recorded("scores.csv"))["method"].tolist() == [methods, "brightness"]
    else:
        assert "no maps: radiomics reads features, not images" in shown
        assert bcdl_in_process("explain", "run=latest", "methods=[grad_cam]") == 2


def test_data_without_masks_are_explained_without_scores(
    test_data: Path, train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ("data=breastmnist", f"data.root={test_data / 'breastmnist'}", "encoder.widths=[4,8]")
    assert train(*data, "trainer.max_epochs=1", "data.batch_size=64", "evaluate.report=false") == 0
    assert bcdl_in_process("explain", "run=latest", "n=4", "methods=[grad_cam]") == 0
    shown = capsys.readouterr().out
    assert "no scores: breastmnist has no masks or boxes of malignant lesions in test" in shown
    scores = pd.read_csv(recorded("scores.csv"))
    assert list(scores) == ["method", "randomisation", "randomisation_cutoff", "passes"]


def test_without_captum_what_needs_it_is_left_out_or_refused(
    trained: Path,
    bcdl_in_process: Verb,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    typed = ("explain", "run=latest", f"tracking.root={trained}", "n=1", "scores=false", "check=false")
    assert bcdl_in_process(*typed) == 0
    assert "integrated_gradients left out: captum is missing" in capsys.readouterr().out
    assert bcdl_in_process(*typed, "methods=[occlusion]") == 2
    assert "pip install 'bcdl[explain]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("", "expected a value for run"),
        ("run=latest split=tset", "expected split to be one of test, val, train, found 'tset'"),
        ("run=latest which=worst", "expected which to be one of highest, errors, random"),
        ("run=latest n=0", "expected n to be a whole number of 1 or more, found 0"),
        ("run=latest most=1.5", "expected most to be a whole number of 1 or more, found 1.5"),
        ("run=latest methods=[grad_kam]", "Did you mean 'grad_cam'?"),
        ("run=latest methods=attention_rollout", "attention_rollout needs a vision transformer"),
        ("run=latest target=malign", "expected target to be one of benign_or_normal, malignant"),
        ("run=latest target=7", "expected target to be one of benign_or_normal, malignant or its number"),
        ("run=latest neighbours=9999", "expected a number of neighbours from 1 to"),
        ("run=latest check=maybe", "expected check to be true or false, found maybe"),
        ("run=latest model=cnn", "has no config group 'model'"),
        ("run=nothing", "'nothing'"),
    ],
)
def test_what_cannot_be_explained_is_said(
    typed: str, shown: str, trained: Path, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    extra = ["scores=false", "check=false"] if "neighbours" in typed else []
    assert bcdl_in_process("explain", *typed.split(), f"tracking.root={trained}", *extra) == 2
    assert shown in capsys.readouterr().err


def test_another_class_is_explained_by_its_own_lesions(explained: Callable[..., Path]) -> None:
    root = explained(*QUICK, "target=benign_or_normal", "most=99")
    kinds = pd.read_csv(recorded("pointing.csv", root))["kinds"]
    assert set(kinds) <= {"circumscribed", "summation", "circumscribed+summation"}
