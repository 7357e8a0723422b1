"""`bcdl promote`: a run's best model in MLflow's registry, loaded and asked as a user would."""

import base64
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

import bcdl
from bcdl.cli import main
from bcdl.notebook import Run
from bcdl.tracking import TrackedRun, TrackingStore
from tests.conftest import TINY_NETWORK, TINY_PHANTOM, TINY_RUN
from tests.serving.conftest import png, request_of

Verb = Callable[..., int]

# MLflow 3.17 of its own types: https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/types/responses.py
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")


@dataclass(frozen=True)
class Promoted:
    """A run whose model is registered, a request of its images, and the model as a user loads it.

    Its image store, the only form in which its training data lay anywhere, is gone.
    """

    run: Run
    request: pd.DataFrame
    model: Any
    folder: Path


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory, database_template: Path) -> Promoted:
    root = tmp_path_factory.mktemp("promoted")
    shutil.copy(database_template, root / "mlflow.db")
    places = (f"tracking.root={root}", f"data.store={root / 'stores'}")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr(sys, "path", list(sys.path))
        assert main(["train", "data.unit=breast", *TINY_PHANTOM, *TINY_NETWORK, *TINY_RUN, *places]) == 0
        assert main(["promote", "latest", "--as", "champion", "--tracking-root", str(root)]) == 0
        run = bcdl.load_run("latest", root)
        request = request_of(run)
        shutil.rmtree(root / "stores")
        patch.setenv("MLFLOW_TRACKING_URI", run.store.uri)
        model = mlflow.pyfunc.load_model("models:/bcdl@champion")
    folder = Path(run.store.client.get_model_version_download_uri("bcdl", "1"))
    return Promoted(run, request, model, folder)


def versions(run: Run, name: str = "bcdl") -> list[Any]:
    found = run.store.client.search_model_versions(f"name = '{name}'")
    return sorted(found, key=lambda version: int(version.version))


def test_a_promoted_run_predicts_through_pyfunc_as_it_did_itself(promoted: Promoted) -> None:
    answer = promoted.model.predict(promoted.request)
    expected = promoted.run.predictions.set_index("sample_id")["probability"][answer["sample"]]
    np.testing.assert_allclose(answer["probability"], expected, atol=1e-6)
    assert answer["decision"].isin(["benign_or_normal", "malignant"]).all()
    cells = [base64.b64encode(cell).decode() for cell in promoted.request["image"]]
    text = promoted.request.assign(image=cells)
    pd.testing.assert_frame_equal(promoted.model.predict(text), answer)


def test_a_version_holds_card_signature_example_and_no_pickle(promoted: Promoted) -> None:
    (version,) = versions(promoted.run)
    card, folder = version.description, promoted.folder
    assert "# CNN on phantom" in card
    assert str(promoted.run.store.root) not in card
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert files >= {"MLmodel", "model_card.md", "requirements.txt", "input_example.json"}
    assert [name for name in files if name.endswith((".pkl", ".pickle", ".py"))] == []
    assert (folder / "model_card.md").read_text() == card
    assert (folder / "requirements.txt").read_text().startswith("bcdl")
    assert promoted.model.metadata.signature.inputs.input_names()[0] == "image"
    assert promoted.run.store.status(promoted.run.id) == "FINISHED"


def test_the_example_is_answered_as_a_server_gets_it(promoted: Promoted) -> None:
    from mlflow.pyfunc.scoring_server import infer_and_parse_data

    body = json.loads((promoted.folder / "serving_input_example.json").read_text())
    parsed = infer_and_parse_data(body, promoted.model.metadata.get_input_schema())
    answer = promoted.model.predict(parsed)
    assert answer["sample"].tolist() == ["example/1/L"]
    assert answer["probability"].notna().all()


@pytest.mark.slow
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
    assert bcdl_in_process("evaluate", "run=latest", "evaluate.calibration=temperature") == 0
    assert bcdl_in_process("promote", "latest", "--as", "champion") == 0
    assert "temperature scaling" in versions(run)[2].description
    assert bcdl_in_process("promote", "latest", "--as", "champion", "--name", "other") == 0
    assert len(versions(run, "other")) == 1


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
    store = TrackingStore.open(tracking_root)
    with TrackedRun.start(store, "cnn") as run:
        run.set_tags(tags)
    store.client.set_terminated(run.id, status)
    assert bcdl_in_process("promote", run.id, "--as", "champion") == 2
    err = capsys.readouterr().err
    assert shown in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_run_of_an_older_form_is_refused_with_what_it_lacks(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train() == 0
    run = bcdl.load_run()
    run.store.download(run.id, "splits.csv").unlink()
    assert bcdl_in_process("promote", "latest", "--as", "champion") == 2
    assert "recorded by another version of bcdl: it lacks splits.csv" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_whose_training_data_are_gone_is_refused(
    train: Verb, bcdl_in_process: Verb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, rng = tmp_path / "files", np.random.default_rng(0)
    folder.mkdir()
    for row in range(30):
        (folder / f"{row}.png").write_bytes(png(rng.integers(0, 256, (32, 32)).astype(np.uint8)))
    manifest = pd.DataFrame({"patient_id": range(30), "path": [f"{row}.png" for row in range(30)]})
    manifest.assign(label=[0, 1] * 15).to_csv(folder / "manifest.csv", index=False)
    assert train("data=manifest", f"data.path={folder / 'manifest.csv'}", "data.pseudonyms=false") == 0
    shutil.rmtree(folder)
    assert bcdl_in_process("promote", "latest", "--as", "champion") == 2
    err = capsys.readouterr().err
    assert str(folder) in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_of_a_sweep_the_run_that_validation_put_first_is_promoted(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
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
    TrackingStore.open(tracking_root)
    assert bcdl_in_process("promote", *typed.split()) == 2
    err = capsys.readouterr().err
    assert shown in err
    assert "Traceback" not in err
