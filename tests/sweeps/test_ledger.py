import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bcdl.errors import UserError
from bcdl.sweeps.ledger import JobState, Ledger, Trial, find, known
from bcdl.sweeps.process import Worker

OBJECTIVE = "best/val/auroc"


def finished(value: float) -> JobState:
    return JobState("finished", run="r", values={OBJECTIVE: value})


def test_what_one_process_writes_another_one_reads(
    ledger: Ledger, begun: Callable[..., Trial], tmp_path: Path
) -> None:
    state = JobState("running", run="r1", worker=Worker.here(), claim="c")
    ledger.write(begun(0, jobs=2), 1, state)
    (read,) = Ledger.open("s", tmp_path).trials()
    assert read.jobs == (JobState(), state)
    assert (read.number, read.attempt, read.told, read.overrides) == (0, 0, "running", ("optimizer.lr=0.1",))
    assert Ledger.open("s", tmp_path).objectives == (OBJECTIVE,)


def test_the_last_job_of_a_trial_tells_it_with_the_mean_of_its_jobs(
    ledger: Ledger, begun: Callable[..., Trial]
) -> None:
    trial = begun(0, jobs=3)
    for job, value in enumerate((0.5, 0.6, 1.0)):
        assert ledger.trial(0).told == "running"
        ledger.write(trial, job, finished(value))
    told = ledger.trial(0)
    assert told.told == "finished"
    assert told.values == pytest.approx((0.7,))


def test_two_jobs_that_both_were_the_last_tell_a_trial_once(
    ledger: Ledger, begun: Callable[..., Trial], tmp_path: Path
) -> None:
    trial = begun(0, jobs=8)
    threads = [
        threading.Thread(target=Ledger.open("s", tmp_path).write, args=(trial, job, finished(0.5)))
        for job in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.trial(0).values == (0.5,)


@pytest.mark.parametrize(
    ("states", "told"),
    [
        (["finished", "waiting"], "running"),
        (["finished", "running"], "running"),
        (["finished", "killed"], "running"),
        (["finished", "failed"], "failed"),
        (["failed", "waiting"], "running"),
        (["pruned", "waiting"], "running"),
        (["pruned", "failed"], "pruned"),
        (["pruned", "running"], "running"),
        (["pruned", "finished"], "pruned"),
    ],
)
def test_a_trial_ends_as_its_jobs_do(
    ledger: Ledger, begun: Callable[..., Trial], states: list[str], told: str
) -> None:
    trial = begun(0, jobs=2)
    for job, state in enumerate(states):
        if state != "waiting":
            ledger.write(trial, job, JobState(state, values={OBJECTIVE: 0.5}))
    assert ledger.trial(0).told == told


def test_the_newest_try_speaks_for_a_configuration(ledger: Ledger, begun: Callable[..., Trial]) -> None:
    ledger.write(begun(0), 0, JobState("failed", error="bad"))
    ledger.write(begun(0), 0, finished(0.9))
    assert [(trial.attempt, trial.told) for trial in ledger.newest().values()] == [(1, "finished")]
    assert [trial.attempt for trial in ledger.ranked()] == [1]


def test_the_best_is_the_highest_or_the_lowest_as_the_metric_demands(tmp_path: Path) -> None:
    ledger = Ledger.create("low", tmp_path, None, ("minimize",))
    ledger.note(definition={"objectives": [OBJECTIVE]})
    for number, value in enumerate((0.5, 0.2, 0.9)):
        _told(ledger, number, (value,))
    assert [trial.number for trial in ledger.ranked()] == [1, 0, 2]
    assert [trial.number for trial in ledger.best()] == [1]


def test_of_several_objectives_the_best_are_those_that_none_beats_in_all(tmp_path: Path) -> None:
    ledger = Ledger.create("two", tmp_path, None, ("maximize", "minimize"))
    ledger.note(definition={"objectives": ["a", "b"]})
    for number, values in enumerate([(0.9, 0.3), (0.8, 0.1), (0.7, 0.4)]):
        _told(ledger, number, values)
    assert [trial.number for trial in ledger.best()] == [0, 1]


def test_a_sweep_that_is_not_there_is_told_with_those_that_are(ledger: Ledger, tmp_path: Path) -> None:
    assert find("t", tmp_path, None) is None
    assert known(tmp_path, None) == ["s"]
    with pytest.raises(UserError, match=r"no sweep 'sx'\. Did you mean 's'"):
        Ledger.open("sx", tmp_path)
    assert not (tmp_path / "sweeps" / "sx").exists()


def _told(ledger: Ledger, number: int, values: tuple[float, ...]) -> None:
    from optuna.trial import TrialState, create_trial

    attributes = {"number": number, "overrides": [], "jobs": 1}
    trial = ledger.add(create_trial(state=TrialState.RUNNING, user_attrs=attributes))
    state = JobState("finished", values=dict(zip(ledger.objectives, values, strict=True)))
    ledger.write(trial, 0, state)
