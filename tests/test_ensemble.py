"""`bcdl evaluate evaluate.runs=…`: the recorded predictions of several runs, judged as one."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bcdl
from bcdl.ensemble import chosen_members
from bcdl.errors import UserError
from bcdl.tracking import TrackingStore

Verb = Callable[..., int]
pytestmark = pytest.mark.filterwarnings("ignore:class . does not occur")


def ensemble() -> bcdl.Run:
    return bcdl.load_run(TrackingStore.open().resolve("latest", kind="evaluate"))


def test_seeds_are_averaged_judged_and_set_beside_each_other(
    train: Verb, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in (0, 1):
        assert train("trainer.max_epochs=1", f"seed={seed}", "evaluate.threshold=youden") == 0
    store = TrackingStore.open()
    members = store.runs()[["run_id", "name"]].iloc[::-1]
    capsys.readouterr()
    runs = ",".join(each[:8] for each in members["run_id"])
    typed = (f"evaluate.runs=[{runs}]", "evaluate.report=true", "evaluate.draws=50")
    assert bcdl_in_process("evaluate", *typed) == 0
    assert f"ensemble of 2: {', '.join(members['name'])}" in capsys.readouterr().out
    run = ensemble()
    tables = [bcdl.load_run(each).predictions.set_index("sample_id") for each in members["run_id"]]
    whole = run.predictions.set_index("sample_id")
    mean = (tables[0]["probability"] + tables[1]["probability"]) / 2
    np.testing.assert_allclose(whole["probability"], mean.loc[whole.index])
    assert run.metrics["threshold"] == run.metrics["youden/threshold"]  # as the members were judged
    tags = store.client.get_run(run.id).data.tags
    assert tags["bcdl.members"] == ",".join(members["run_id"])
    assert tags["bcdl.data_fingerprint"]
    rows = pd.read_csv(store.download(run.id, "report/members.csv"))
    assert rows["member"].tolist() == [*members["name"], "ensemble"]
    assert store.has_artifact(run.id, "figures/risk_coverage.png")
    assert bcdl_in_process("compare", run.id, "latest", "--test") == 0
    # and a third run, without test samples, or one that has not come to its end
    assert train("trainer.max_epochs=1", "data.test_fraction=0") == 0
    assert bcdl_in_process("evaluate", f"evaluate.runs=[{runs},latest]") == 2
    assert "expected test samples among the predictions of" in capsys.readouterr().err
    store.create_run("unfinished", {"bcdl.kind": "train"})
    capsys.readouterr()
    assert bcdl_in_process("evaluate", f"evaluate.runs=[{runs},latest]") == 2
    assert "it did not come to its end" in capsys.readouterr().err


def test_members_of_one_name_are_kept_apart_and_count_as_their_models_gave_them(
    train: Verb, bcdl_in_process: Verb
) -> None:
    for seed in (0, 1):
        assert train("trainer.max_epochs=1", f"seed={seed}") == 0
    store = TrackingStore.open()
    runs = store.runs()["run_id"].tolist()
    raw = bcdl.load_run(runs[0]).metrics["test/brier"]
    assert bcdl_in_process("evaluate", f"run={runs[0]}", "evaluate.calibration=isotonic") == 0
    assert bcdl.load_run(runs[0]).metrics["test/brier"] != raw
    for run in runs:
        store.client.update_run(run, name="baseline")
    typed = (f"evaluate.runs=[{','.join(runs)}]", "evaluate.report=true", "evaluate.draws=20")
    assert bcdl_in_process("evaluate", *typed, "evaluate.calibration=none") == 0
    rows = pd.read_csv(store.download(ensemble().id, "report/members.csv"))
    assert rows["member"].tolist() == [*(f"baseline ({run[:8]})" for run in runs), "ensemble"]
    assert rows["brier"][0] == pytest.approx(raw)


@pytest.mark.slow
def test_folds_are_refused_until_they_have_judged_the_same_samples(
    bcdl_in_process: Verb, tiny: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ("-m", "sweep.folds=2", "sweep.name=folds", "trainer.max_epochs=1")
    assert bcdl_in_process("train", *tiny, *sweep) == 0
    assert bcdl_in_process("evaluate", "evaluate.runs=folds") == 2
    assert "The folds of a cross-validation test other samples each" in capsys.readouterr().err
    store = TrackingStore.open()
    other = ("data=phantom", "data.reader.patients=24", "data.reader.size=[64,32]", "data.reader.seed=9")
    for fold in store.runs()["run_id"]:
        assert bcdl_in_process("evaluate", f"run={fold}", *other) == 0
    nested = [run[:12] for run in store.runs(kind="evaluate")["run_id"]]
    capsys.readouterr()
    assert bcdl_in_process("evaluate", f"evaluate.runs=[{','.join(nested)}]") == 0
    assert "one member alone" in capsys.readouterr().out
    assert ensemble().predictions.query("split == 'test'")["disagreement"].notna().all()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("evaluate.runs=[latest]", "two or more members of an ensemble, found 1"),
        ("evaluate.runs=[latest,latest]", "expected every run once in evaluate.runs"),
        ("evaluate.runs=[latest,nowhere]", "no run 'nowhere'"),
        ("evaluate.runs=[]", "expected two or more members of an ensemble, found 0"),
        ("run=latest evaluate.runs=[latest]", "found run= and evaluate.runs="),
        ("evaluate.runs=[latest] evaluate.tta=flip", "of an ensemble there are predictions alone"),
    ],
)
def test_a_mistake_is_explained(
    typed: str, told: str, trained: object, bcdl_in_process: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("evaluate", *typed.split(), f"tracking.root={trained}") == 2
    assert told in capsys.readouterr().err


@dataclass
class Sweep:
    """A store that knows one sweep of two trials with two seeds each."""

    jobs: int = 2
    best: str | None = "1"
    statuses: tuple[str, ...] = ("FINISHED", "FINISHED", "FINISHED", "FINISHED")

    @property
    def client(self) -> "Sweep":
        return self

    def resolve(self, reference: str) -> str:
        return reference

    def get_run(self, run_id: str) -> Any:
        tags = {"bcdl.kind": "sweep", "bcdl.jobs": str(self.jobs)} if run_id == "sweep" else {}
        tags |= {"bcdl.best_trial": self.best} if run_id == "sweep" and self.best else {}
        tags |= {"mlflow.parentRunId": "sweep"} if run_id.startswith("t") else {}
        return SimpleNamespace(info=SimpleNamespace(run_name=run_id), data=SimpleNamespace(tags=tags))

    def runs(self, *, parent: str) -> pd.DataFrame:
        names = ["t1s1", "t1s0", "t0s1", "t0s0"]  # newest first
        trials = [name[1] for name in names]
        return pd.DataFrame({"run_id": names, "status": self.statuses, "tags.bcdl.trial": trials})


def test_a_sweep_stands_for_the_jobs_of_its_best_trial() -> None:
    found = chosen_members(Sweep(), "sweep")  # type: ignore[arg-type]
    assert found.ids == ("t1s0", "t1s1")
    assert found.parent == "sweep"
    assert "best trial by validation, 1" in found.notes[0]


def test_a_sweep_of_single_jobs_stands_for_all_that_finished() -> None:
    store = Sweep(jobs=1, statuses=("FINISHED", "FAILED", "FINISHED", "FINISHED"))
    found = chosen_members(store, ["sweep"])  # type: ignore[arg-type]
    assert found.ids == ("t0s0", "t0s1", "t1s1")
    assert found.notes == ()


def test_runs_of_several_places_have_no_parent() -> None:
    assert chosen_members(Sweep(), ["t0s0", "alone"]).parent is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("store", "told"),
    [(Sweep(best=None), "to have ended"), (Sweep(statuses=("FAILED",) * 4), "expected finished runs")],
)
def test_a_sweep_without_a_best_trial_or_finished_runs_is_refused(store: Sweep, told: str) -> None:
    with pytest.raises(UserError, match=told):
        chosen_members(store, "sweep")  # type: ignore[arg-type]
