"""`bcdl promote`: a run's best model in MLflow's registry, loaded and asked as a user would."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

import bcdl
from bcdl.notebook import Run
from tests.serving.conftest import request_of

Verb = Callable[..., int]

# MLflow 3.17 of its own types: https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/types/responses.py
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load a registered model by its alias from a run's store, as a user would."""

    def load(run: Run, alias: str = "champion", name: str = "bcdl") -> Any:
        mlflow.set_tracking_uri(run.store.uri)
        return mlflow.pyfunc.load_model(f"models:/{name}@{alias}")

    yield load
    mlflow.set_tracking_uri(None)


def versions(run: Run, name: str = "bcdl") -> list[Any]:
    return sorted(
        run.store.client.search_model_versions(f"name = '{name}'"), key=lambda each: int(each.version)
    )


def test_a_promoted_run_predicts_through_pyfunc_as_it_did_itself(
    train: Verb, bcdl_in_process: Verb, loaded: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("data.unit=breast") == 0
    run = bcdl.load_run()
    assert bcdl_in_process("promote", "latest", "--as", "champion") == 0
    assert "Version 1 of bcdl is new; champion means it." in capsys.readouterr().out
    request = request_of(run)
    model = loaded(run)
    answer = model.predict(request)
    expected = run.predictions.set_index("sample_id")["probability"][answer["sample"]]
    np.testing.assert_allclose(answer["probability"], expected, atol=1e-6)
    text = request.assign(image=[base64.b64encode(cell).decode() for cell in request["image"]])
    pd.testing.assert_frame_equal(model.predict(text), answer)
    assert answer["decision"].isin(run.data.classes).all()


def test_a_version_holds_card_signature_example_and_no_pickle(
    train: Verb, bcdl_in_process: Verb, tmp_path: Path
) -> None:
    assert train() == 0
    assert bcdl_in_process("promote", "latest", "--as", "champion") == 0
    run = bcdl.load_run()
    (version,) = versions(run)
    card = version.description
    assert "# CNN on phantom" in card
    assert str(tmp_path) not in card
    folder = Path(run.store.client.get_model_version_download_uri("bcdl", "1"))
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert files >= {"MLmodel", "model_card.md", "requirements.txt", "input_example.json"}
    assert [name for name in files if name.endswith((".pkl", ".pickle", ".py"))] == []
    assert (folder / "model_card.md").read_text() == card
    assert any(line.startswith("bcdl") for line in (folder / "requirements.txt").read_text().splitlines())
    assert mlflow.models.get_model_info(str(folder)).signature.inputs.input_names()[0] == "image"
    assert run.store.client.get_run(run.id).info.status == "FINISHED"


def test_the_same_run_makes_one_version_and_a_changed_one_another(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train() == 0
    for alias in ("champion", "champion", "challenger"):
        assert bcdl_in_process("promote", "latest", "--as", alias) == 0
    run = bcdl.load_run()
    assert len(versions(run)) == 1
    assert "was there already" in capsys.readouterr().out
    assert bcdl_in_process("evaluate", "run=latest", "evaluate.threshold=0.125") == 0
    assert bcdl_in_process("promote", run.id[:6], "--as", "champion") == 0
    assert "(it was version 1)" in capsys.readouterr().out
    client = run.store.client
    assert client.get_model_version_by_alias("bcdl", "champion").version == 2
    assert client.get_model_version_by_alias("bcdl", "challenger").version == 1
    assert "**0.125**" in versions(run)[1].description
    assert bcdl_in_process("promote", "latest", "--as", "champion", "--name", "other") == 0
    assert len(versions(run, "other")) == 1


def test_a_model_predicts_where_the_training_data_are_gone(
    train: Verb, bcdl_in_process: Verb, loaded: Any, tmp_path: Path
) -> None:
    assert train() == 0
    assert bcdl_in_process("promote", "latest", "--as", "champion") == 0
    run = bcdl.load_run()
    request = request_of(run)[["image", "sample", "view"]].iloc[:3]
    for folder in (tmp_path / "cache").rglob("phantom-*"):
        folder.rename(folder.with_name("elsewhere"))
    assert loaded(run).predict(request)["probability"].notna().all()


@pytest.mark.parametrize(
    ("status", "tags", "shown"),
    [
        ("FAILED", {}, "failed: bcdl train resume="),
        ("KILLED", {}, "was stopped before its end"),
        ("RUNNING", {}, "is still running: wait for it"),
        ("FINISHED", {"bcdl.pruned": "true"}, "was pruned by its sweep"),
        ("FINISHED", {"bcdl.kind": "evaluate"}, "trained nothing"),
        ("FINISHED", {"bcdl.kind": "sweep"}, "is a sweep: bcdl promote --sweep"),
        ("FINISHED", {}, "has kept no checkpoint (keep=none)"),
    ],
)
def test_a_run_without_a_finished_model_is_refused(
    status: str,
    tags: dict[str, str],
    shown: str,
    bcdl_in_process: Verb,
    tracking_root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from bcdl.tracking import TrackedRun, TrackingStore

    store = TrackingStore.open(tracking_root)
    with TrackedRun.start(store, "cnn") as run:
        run.set_tags(tags)
    store.client.set_terminated(run.id, status)
    assert bcdl_in_process("promote", run.id, "--as", "champion") == 2
    err = capsys.readouterr().err
    assert shown in err
    assert "Traceback" not in err


def test_a_run_of_an_older_form_is_refused_with_what_it_lacks(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train() == 0
    run = bcdl.load_run()
    run.store.download(run.id, "splits.csv").unlink()
    assert bcdl_in_process("promote", "latest", "--as", "champion") == 2
    assert "recorded by another version of bcdl: it lacks splits.csv" in capsys.readouterr().err


def test_of_a_sweep_the_run_that_validation_put_first_is_promoted(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    from bcdl.tracking import TrackedRun

    assert train() == 0
    best = bcdl.load_run()
    with TrackedRun.start(best.store, "search", kind="sweep") as parent:
        pass
    assert bcdl_in_process("promote", "--sweep", "latest", "--as", "champion") == 2
    assert "names no best run" in capsys.readouterr().err
    best.store.client.set_tag(parent.id, "bcdl.best_run", best.id)
    assert bcdl_in_process("promote", "--sweep", parent.id, "--as", "champion") == 0
    assert versions(best)[0].run_id == best.id
    assert bcdl_in_process("promote", "--sweep", best.id, "--as", "champion") == 2
    assert "expected a sweep, found the run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("--as champion", "expected a run or --sweep NAME, found neither"),
        ("latest --sweep latest --as champion", "expected a run or --sweep NAME, found both"),
        ("latest --as v3", "neither 'latest' nor v1"),
        ("latest --as champion --name a/b", "choose another with --name"),
        ("latest", "--as"),
        ("nowhere --as champion", "expected a run for 'nowhere'"),
    ],
)
def test_a_mistake_is_explained(
    typed: str, shown: str, bcdl_in_process: Verb, tracking_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from bcdl.tracking import TrackingStore

    TrackingStore.open(tracking_root)
    assert bcdl_in_process("promote", *typed.split()) == 2
    err = capsys.readouterr().err
    assert shown in err
    assert "Traceback" not in err


def test_the_served_form_of_the_example_is_answered(train: Verb, bcdl_in_process: Verb, loaded: Any) -> None:
    from mlflow.pyfunc.scoring_server import _split_data_and_params, infer_and_parse_data

    assert train() == 0
    assert bcdl_in_process("promote", "latest", "--as", "champion") == 0
    run = bcdl.load_run()
    model = loaded(run)
    folder = Path(run.store.client.get_model_version_download_uri("bcdl", "1"))
    body = json.loads((folder / "serving_input_example.json").read_text())
    data, _ = _split_data_and_params(json.dumps(body))
    answer = model.predict(infer_and_parse_data(data, model.metadata.get_input_schema()))
    assert answer["probability"].notna().all()
