"""The Python door: an earlier run as its model, its data and its predictions."""

from pathlib import Path

import numpy as np
import pytest
import torch

import bcdl
from bcdl.errors import UserError
from bcdl.inference import predict
from bcdl.models import CNNRNN
from bcdl.notebook import Run


@pytest.fixture
def run(trained: Path) -> Run:
    return bcdl.load_run("latest", trained)


def test_a_run_is_found_by_id_part_of_it_name_and_as_latest(run: Run, trained: Path) -> None:
    name = run.store.client.get_run(run.id).info.run_name
    assert {bcdl.load_run(text, trained).id for text in (run.id, run.id[:6], name)} == {run.id}


def test_the_tracking_root_is_that_of_the_environment_by_default(
    run: Run, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCDL_TRACKING_ROOT", str(trained))
    assert bcdl.load_run().id == run.id


def test_an_unknown_run_is_a_users_error(trained: Path) -> None:
    with pytest.raises(UserError, match="no run 'nothing'"):
        bcdl.load_run("nothing", trained)


def test_the_model_and_the_data_are_those_of_the_configuration(run: Run) -> None:
    assert isinstance(run.model, CNNRNN)
    assert not run.model.training
    assert run.data.unit == run.config.data.unit == "breast"
    assert run.data.preprocess.state_dict()
    tags = run.store.client.get_run(run.id).data.tags
    assert run.data.fingerprint() == tags["bcdl.data_fingerprint"]


@pytest.mark.parametrize("split", ["val", "test"])
def test_the_model_on_the_data_gives_the_logits_of_the_predictions_table(run: Run, split: str) -> None:
    index, logits = predict(run.model, run.data, split, torch.device("cpu"))
    recorded = run.predictions[run.predictions["split"] == split]
    assert run.data.samples.loc[index, "sample_id"].tolist() == recorded["sample_id"].tolist()
    np.testing.assert_array_equal(logits, recorded["logit"].to_numpy(np.float32))


def test_metrics_are_the_logged_ones(run: Run) -> None:
    validation = run.predictions.query("split == 'val'")
    called = (validation["probability"] >= run.metrics["threshold"]).astype(int)
    assert run.metrics["best/val/accuracy"] == (called == validation["label"]).mean()
