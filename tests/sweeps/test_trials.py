from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bcdl.sweeps.ledger import JobState, Ledger
from bcdl.sweeps.process import Worker
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.space import Space
from bcdl.sweeps.trials import Job, Trials

OBJECTIVE = "best/val/auroc"
DEAD = Worker("elsewhere", 1, 1, beat=0.0)
SEARCHED = ("optimizer.lr=tag(log,interval(1e-5,1e-2))", "model=choice(cnn,cnn_rnn)")


@pytest.fixture
def trials_of(ledger: Ledger, settings_of: Callable[..., Settings], tmp_path: Path) -> Callable[..., Trials]:
    """The trials of a sweep over `typed`, as a process sees them that has just opened the ledger."""

    def build(
        sampler: str = "grid", typed: Sequence[str] = ("optimizer.lr=1,2,3",), **changed: object
    ) -> Trials:
        settings = settings_of(sampler, **changed)
        space = Space.of(typed, {}, {}, searching=settings.searching)
        return Trials(Ledger.open("s", tmp_path), settings, space, seed=5)

    return build


def finish(ledger: Ledger, jobs: Sequence[Job], value: float = 0.5) -> None:
    for job in jobs:
        ledger.write(job.trial, job.index, JobState("finished", run="r", values={OBJECTIVE: value}))


def own(job: Job) -> str:
    return " ".join(job.overrides)


def test_a_grid_is_one_batch_unless_told_otherwise(trials_of: Callable[..., Trials], ledger: Ledger) -> None:
    jobs = trials_of().next_jobs(slots=None)
    assert [own(job) for job in jobs] == [
        f"optimizer.lr={value} sweep.name='s' trial='{value - 1}.0'" for value in (1, 2, 3)
    ]
    finish(ledger, jobs)
    assert trials_of().next_jobs(slots=None) == []


def test_a_grid_of_which_one_runs_after_the_other_can_stop_between_them(
    trials_of: Callable[..., Trials],
) -> None:
    assert [job.trial.number for job in trials_of().next_jobs(slots=1)] == [0]


def test_a_trial_whose_last_process_was_killed_before_it_could_tell_it_is_told(
    trials_of: Callable[..., Trials], ledger: Ledger
) -> None:
    (job, *_) = trials_of().next_jobs(slots=None)
    state = JobState("finished", run="r", values={OBJECTIVE: 0.5})
    ledger.study._storage.set_trial_user_attr(job.trial.id, "job.0", state.facts())
    assert ledger.trial(0).told == "running"
    assert [str(left.place) for left in trials_of().next_jobs(slots=None)] == ["1.0", "2.0"]
    assert ledger.trial(0).told == "finished"


def test_batches_take_so_many_configurations(trials_of: Callable[..., Trials], ledger: Ledger) -> None:
    first = trials_of(batch=2).next_jobs(slots=8)
    assert [job.trial.number for job in first] == [0, 1]
    finish(ledger, first)
    assert [job.trial.number for job in trials_of(batch=2).next_jobs(slots=8)] == [2]


def test_a_search_proposes_as_many_as_run_at_once(trials_of: Callable[..., Trials]) -> None:
    trials = trials_of("random", SEARCHED, n_trials=5)
    assert trials.total == 5
    assert len(trials.next_jobs(slots=3)) == 3


def test_seeds_are_outermost_and_folds_inside(trials_of: Callable[..., Trials]) -> None:
    jobs = trials_of(typed=(), folds=2, seeds=2).next_jobs(slots=None)
    assert [own(job) for job in jobs] == [
        f"sweep.name='s' trial='0.{index}' seed={seed} data.folds=2 data.fold={fold}"
        for index, (seed, fold) in enumerate([(5, 0), (5, 1), (6, 0), (6, 1)])
    ]


def test_an_interrupted_sweep_goes_on_with_what_was_left(
    trials_of: Callable[..., Trials], ledger: Ledger
) -> None:
    jobs = trials_of().next_jobs(slots=None)
    finish(ledger, jobs[:1])
    ledger.write(jobs[1].trial, 0, JobState("running", run="r1", worker=DEAD))
    assert [str(job.place) for job in trials_of().next_jobs(slots=None)] == ["1.0", "2.0"]
    ledger.write(jobs[1].trial, 0, JobState("killed", run="r1"))
    assert [str(job.place) for job in trials_of().next_jobs(slots=None)] == ["1.0", "2.0"]


def test_jobs_of_other_living_processes_are_left_to_them(
    trials_of: Callable[..., Trials], ledger: Ledger
) -> None:
    jobs = trials_of().next_jobs(slots=None)
    finish(ledger, jobs[:2])
    there = replace(Worker.here(), host="elsewhere")
    ledger.write(jobs[2].trial, 0, JobState("running", run="r2", worker=there))
    assert trials_of().next_jobs(slots=None) == []
    assert [str(job.place) for job in trials_of().elsewhere()] == ["2.0"]


def test_a_failed_configuration_is_tried_again_as_often_as_told(
    trials_of: Callable[..., Trials], ledger: Ledger
) -> None:
    jobs = trials_of(retries=1).next_jobs(slots=None)
    finish(ledger, jobs[:2])
    ledger.write(jobs[2].trial, 0, JobState("failed", error="bad"))
    assert trials_of(retries=1).gone() == []
    (again,) = trials_of(retries=1).next_jobs(slots=None)
    assert (again.trial.number, again.trial.attempt) == (2, 3)
    assert again.trial.overrides == jobs[2].trial.overrides
    ledger.write(again.trial, 0, JobState("failed", error="bad"))
    assert trials_of(retries=1).next_jobs(slots=None) == []
    assert [trial.number for trial in trials_of(retries=1).gone()] == [2]


def test_a_retry_keeps_what_had_finished_and_goes_on_with_what_was_interrupted(
    trials_of: Callable[..., Trials], ledger: Ledger
) -> None:
    jobs = trials_of(typed=(), seeds=3).next_jobs(slots=None)
    finish(ledger, jobs[:1])
    ledger.write(jobs[1].trial, 1, JobState("failed", run="r1", error="bad"))
    ledger.write(jobs[2].trial, 2, JobState("killed", run="r2"))
    ledger.tell(ledger.trial(0), "failed")
    again = trials_of(typed=(), seeds=3, retries=1).next_jobs(slots=None)
    assert [str(job.place) for job in again] == ["1.1", "1.2"]
    assert [job.run for job in again[0].trial.jobs] == ["r", None, "r2"]


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_search_that_was_interrupted_proposes_what_an_undisturbed_one_does(
    trials_of: Callable[..., Trials], ledger: Ledger, sampler: str
) -> None:
    proposed = []
    trials = trials_of(sampler, SEARCHED, n_trials=14)
    for number in range(14):
        jobs = trials.next_jobs(slots=None)
        proposed.append(jobs[0].trial.overrides)
        finish(ledger, jobs, value=number % 5 / 10)
    again = Ledger.create("t", ledger.root, None, ("maximize",))
    again.note(definition={"objectives": [OBJECTIVE]})
    settings, space = trials._settings, trials._space
    for number in range(14):
        jobs = Trials(Ledger.open("t", ledger.root), settings, space, seed=5).next_jobs(slots=None)
        assert jobs[0].trial.overrides == proposed[number]
        (left,) = Trials(Ledger.open("t", ledger.root), settings, space, seed=5).next_jobs(slots=None)
        assert left.trial.attempt == number, "what was proposed and not done is not proposed again"
        finish(again, jobs, value=number % 5 / 10)
    assert len(set(proposed)) == 14


def test_more_trials_go_on_where_the_others_ended(trials_of: Callable[..., Trials], ledger: Ledger) -> None:
    finish(ledger, trials_of("random", SEARCHED, n_trials=2, batch=2).next_jobs(slots=None))
    more = trials_of("random", SEARCHED, n_trials=4, batch=4).next_jobs(slots=None)
    assert [job.trial.number for job in more] == [2, 3]
