import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from bcdl.errors import RunError
from bcdl.sweeps.ledger import JobState, Ledger, Trial
from bcdl.sweeps.member import Member, MissingObjectiveError, TakenError, Task, key_of_test
from bcdl.sweeps.process import Worker

OBJECTIVE = "best/val/auroc"
FITTED = {OBJECTIVE: 0.8, "best/val/f1": 0.5}
GOOD = {**FITTED, "test/auroc": 0.1}


def job(root: Path, place: str = "0.0", **sweep: object) -> DictConfig:
    limits = {"stale_after": 600, "retries": 0, "max_failures": None}
    settings = {"name": "s", "storage": None, "prune": {"by": None}, **limits, **sweep}
    cfg = {"trial": place, "sweep": settings, "tracking": {"root": str(root)}}
    return OmegaConf.create({**cfg, "seed": 3, "data": {"fold": 1}})


def member(root: Path, place: str = "0.0", **sweep: object) -> Member:
    found = Member.of(job(root, place, **sweep))
    assert found is not None
    return found


def test_outside_a_sweep_there_is_no_member() -> None:
    assert Member.of(OmegaConf.create({"trial": None})) is None


def test_a_member_knows_its_place(begun: Callable[..., Trial], tmp_path: Path) -> None:
    begun(7, jobs=3)
    one = member(tmp_path, "0.2")
    assert one.parent == "p" * 32
    assert one.tags == {
        "bcdl.sweep": "s",
        "bcdl.trial": "7",
        "bcdl.try": "0",
        "bcdl.job": "2",
        "bcdl.seed": "3",
        "bcdl.fold": "1",
    }


def test_a_job_is_taken_run_and_told(ledger: Ledger, begun: Callable[..., Trial], tmp_path: Path) -> None:
    begun(0)
    one = member(tmp_path)
    assert one.claim() == Task("fit", None)
    one.opened("r1")
    (now,) = ledger.trial(0).jobs
    assert (now.state, now.run) == ("running", "r1")
    assert now.worker is not None
    assert now.worker.is_here()
    one.finished(GOOD)
    told = ledger.trial(0)
    assert told.values == (0.8,)
    assert told.jobs[0].values == {OBJECTIVE: 0.8, "best/val/f1": 0.5}
    assert key_of_test("r1") in ledger.facts


def test_an_interrupted_job_goes_on_in_its_own_run(begun: Callable[..., Trial], tmp_path: Path) -> None:
    begun(0)
    one = member(tmp_path)
    one.claim()
    one.opened("r1")
    one.killed()
    assert member(tmp_path).claim() == Task("fit", "r1")


def test_a_job_that_died_before_it_told_its_run_may_have_one(
    begun: Callable[..., Trial], tmp_path: Path
) -> None:
    begun(0)
    member(tmp_path).claim()
    assert member(tmp_path).claim() == Task("fit", None, perhaps=True)


def test_a_job_in_the_hands_of_a_living_process_is_refused(
    ledger: Ledger, begun: Callable[..., Trial], tmp_path: Path
) -> None:
    there = replace(Worker.here(), host="elsewhere")
    ledger.write(begun(0), 0, JobState("running", run="r1", worker=there))
    with pytest.raises(RunError, match="in the hands of process"):
        member(tmp_path).claim()
    silent = replace(there, beat=time.time() - 601)
    ledger.write(ledger.trial(0), 0, JobState("running", run="r1", worker=silent))
    assert member(tmp_path).claim() == Task("fit", "r1")


@pytest.mark.parametrize("end", ["failed", "pruned", "finished"])
def test_a_job_that_has_ended_is_refused(
    ledger: Ledger, begun: Callable[..., Trial], tmp_path: Path, end: str
) -> None:
    ledger.write(begun(0, jobs=2), 0, JobState(end, run="r1"))
    with pytest.raises(RunError, match=f"ended already \\({end}\\)"):
        member(tmp_path).claim()


def test_a_finished_job_is_there_to_be_tested(
    begun: Callable[..., Trial], tmp_path: Path, ledger: Ledger
) -> None:
    begun(0)
    one = member(tmp_path)
    one.claim()
    one.opened("r1")
    one.finished(FITTED)
    assert key_of_test("r1") not in ledger.facts
    again = member(tmp_path, "0.0.test")
    assert again.claim() == Task("test", "r1")
    again.finished(GOOD)
    assert key_of_test("r1") in ledger.facts


def test_a_job_that_has_not_been_fitted_cannot_be_tested(begun: Callable[..., Trial], tmp_path: Path) -> None:
    begun(0)
    with pytest.raises(TakenError):
        member(tmp_path, "0.0.test").claim()


def test_no_job_begins_once_none_could_succeed(begun: Callable[..., Trial], tmp_path: Path) -> None:
    begun(0), begun(1)
    one = member(tmp_path)
    one.claim()
    with pytest.raises(MissingObjectiveError):
        one.finished({"best/val/f1": 0.5})
    with pytest.raises(TakenError, match="stops after its first trial"):
        member(tmp_path, "1.0").claim()


def test_no_job_begins_once_too_many_trials_have_failed(
    ledger: Ledger, begun: Callable[..., Trial], tmp_path: Path
) -> None:
    for number in range(2):
        ledger.write(begun(number), 0, JobState("failed", error="bad"))
    begun(2)
    with pytest.raises(TakenError, match="2 trials failed, more than"):
        member(tmp_path, "2.0", max_failures=1).claim()
    assert member(tmp_path, "2.0", max_failures=1, retries=1).claim() == Task("fit", None)


def test_what_varies_says_nothing_of_where_data_lie(
    ledger: Ledger, begun: Callable[..., Trial], tmp_path: Path
) -> None:
    ledger.note(varied=["data.labels", "optimizer.lr"])
    begun(0, overrides=["data.labels=/clinic/a.csv", "optimizer.lr=0.1"])
    assert member(tmp_path).varied == {"optimizer.lr": "0.1"}


def test_a_job_that_fails_while_it_is_tested_stays_finished(
    ledger: Ledger, begun: Callable[..., Trial], tmp_path: Path
) -> None:
    begun(0)
    one = member(tmp_path)
    one.claim()
    one.opened("r1")
    one.finished(FITTED)
    again = member(tmp_path, "0.0.test")
    again.claim()
    again.failed("no test images")
    assert ledger.trial(0).told == "finished"


def test_an_objective_that_is_not_logged_is_told_with_those_that_are(
    begun: Callable[..., Trial], tmp_path: Path
) -> None:
    begun(0)
    one = member(tmp_path)
    one.claim()
    with pytest.raises(MissingObjectiveError, match="found best/val/f1"):
        one.finished({"best/val/f1": 0.5, "test/auroc": 0.9})


def test_an_objective_that_is_no_number_fails_the_job(begun: Callable[..., Trial], tmp_path: Path) -> None:
    begun(0)
    one = member(tmp_path)
    one.claim()
    with pytest.raises(RunError, match="not a number") as caught:
        one.finished({OBJECTIVE: float("nan")})
    assert not isinstance(caught.value, MissingObjectiveError)


def test_jobs_of_a_pruned_configuration_that_have_not_begun_need_not(
    ledger: Ledger, begun: Callable[..., Trial], tmp_path: Path
) -> None:
    begun(0, jobs=3)
    one = member(tmp_path)
    one.claim()
    one.opened("r1")
    one.pruned({OBJECTIVE: 0.5})
    assert ledger.trial(0).told == "pruned"
    assert member(tmp_path, "0.1").claim() == Task("none", None)


def test_a_long_job_beats(ledger: Ledger, begun: Callable[..., Trial], tmp_path: Path) -> None:
    begun(0)
    one = member(tmp_path, stale_after=0.5)
    one.claim()
    one.opened("r1")
    first = ledger.trial(0).jobs[0].worker
    time.sleep(0.5)
    later = ledger.trial(0).jobs[0].worker
    assert first is not None
    assert later is not None
    assert later.beat > first.beat
    one.finished(GOOD)
    assert ledger.trial(0).jobs[0].state == "finished"
