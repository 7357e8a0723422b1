"""`bcdl evaluate run=… data=…`: an old run on data that it has never seen."""

from collections.abc import Callable

import pytest
from sklearn.metrics import roc_auc_score

import bcdl
from bcdl.tracking import TrackingStore

Verb = Callable[..., int]
OTHER = ("data=phantom", "data.reader.patients=24", "data.reader.size=[64,32]", "data.reader.seed=9")


@pytest.mark.filterwarnings("ignore:class . does not occur")
def test_all_samples_of_other_data_are_judged_in_a_nested_run_at_the_runs_own_threshold(
    train: Verb, bcdl_in_process: Verb
) -> None:
    assert train("evaluate.threshold=youden") == 0
    before = bcdl.load_run()
    metrics = before.metrics
    assert bcdl_in_process("evaluate", "run=latest", *OTHER, "evaluate.report=true") == 0
    store = TrackingStore.open()
    nested = store.runs(kind="evaluate", parent=before.id)
    assert len(nested) == 1
    run = bcdl.load_run(nested["run_id"][0])
    test = run.predictions.query("split == 'test'")
    assert len(test) == len(run.predictions) - len(before.predictions.query("split == 'val'"))
    assert test["patient_id"].nunique() == 24
    assert run.metrics["threshold"] == metrics["threshold"]
    assert run.metrics["test/auroc"] == pytest.approx(roc_auc_score(test["label"], test["probability"]))
    assert store.has_artifact(run.id, "report/report.html")
    assert before.metrics == metrics


@pytest.mark.parametrize("typed", [("run=latest", "data=phantom"), ("predictions=a.csv", *OTHER)])
def test_the_runs_own_data_and_data_without_a_run_are_refused(
    typed: tuple[str, ...], trained: object, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ("data.reader.patients=24", "data.reader.size=[64,32]") if typed[0].startswith("run") else ()
    code = bcdl_in_process("evaluate", *typed, *own, f"tracking.root={trained}")
    err = capsys.readouterr().err
    assert code == 2
    assert "leave out data=" in err or "data= goes with run=" in err
