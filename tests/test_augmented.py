"""`bcdl evaluate run=… evaluate.tta=…`: an old run's answers to variants of each image, averaged."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import bcdl

Verb = Callable[..., int]
pytestmark = pytest.mark.filterwarnings("ignore:class . does not occur")


def test_variants_are_averaged_in_a_nested_run_with_their_disagreement(
    train: Verb, bcdl_in_process: Verb
) -> None:
    assert train("trainer.max_epochs=1", "data.unit=breast", "augment=none") == 0
    before = bcdl.load_run()
    metrics, plain = before.metrics, before.predictions
    typed = ("evaluate.tta=flip", "evaluate.report=true", "evaluate.draws=50")
    assert bcdl_in_process("evaluate", "run=latest", *typed) == 0
    assert before.metrics == metrics
    nested = before.store.runs(kind="evaluate", parent=before.id)
    run = bcdl.load_run(nested["run_id"][0])
    found = run.predictions
    assert found["sample_id"].tolist() == plain["sample_id"].tolist()
    # of two variants the mean lies the standard deviation away from each
    np.testing.assert_allclose(
        (found["probability"] - plain["probability"]).abs(), found["disagreement"], atol=1e-6
    )
    assert (found["disagreement"] > 0).any()
    page = run.store.download(run.id, "report/report.html").read_text()
    assert "Test-time augmentation" in page
    assert "trained without mirror images" in page
    rows = pd.read_csv(run.store.download(run.id, "report/members.csv"))
    assert rows["member"].tolist() == ["as it is", "mirrored", "average"]
    assert rows["auroc"][0] == pytest.approx(metrics["test/auroc"])
    areas = pd.read_csv(run.store.download(run.id, "report/aurc.csv"))
    assert areas["by"].tolist() == ["confidence", "disagreement", "mutual information"]


def test_an_unknown_choice_is_explained(
    trained: object, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("evaluate", "run=latest", "evaluate.tta=flop", f"tracking.root={trained}") == 2
    assert "Did you mean 'flip'?" in capsys.readouterr().err


def test_a_run_without_test_samples_is_averaged_on_validation(train: Verb, bcdl_in_process: Verb) -> None:
    assert train("trainer.max_epochs=1", "data.test_fraction=0") == 0
    before = bcdl.load_run()
    assert bcdl_in_process("evaluate", "run=latest", "evaluate.tta=flip") == 0
    nested = before.store.runs(kind="evaluate", parent=before.id)
    found = bcdl.load_run(nested["run_id"][0])
    assert set(found.predictions["split"]) == {"val"}
    assert "best/val/auroc" in found.metrics
