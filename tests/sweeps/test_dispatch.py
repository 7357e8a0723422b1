from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hydra.core.utils import JobReturn, JobStatus

from bcdl.errors import RunError, UserError
from bcdl.sweeps.dispatch import LOST, Dispatcher
from bcdl.sweeps.ledger import JobState, Ledger, Trial
from bcdl.sweeps.member import TakenError
from bcdl.sweeps.place import Place
from bcdl.sweeps.process import Worker
from bcdl.sweeps.trials import Job

OBJECTIVE = "best/val/auroc"
DEAD = Worker("elsewhere", 1, 1, beat=0.0)


class Store:
    """Stands for the tracking store: keeps how runs were ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str, str | None]] = []

    def end(self, run: str, status: str, error: str | None = None) -> None:
        self.ended.append((run, status, error))


class Launcher:
    """Does each job by a function, in order."""

    def __init__(self, ledger: Ledger, work: Callable[[list[str]], Any]) -> None:
        self.launched: list[int] = []
        self.closed = False
        self._work = work

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        self.launched.append(initial_job_idx)
        return [self._work(list(overrides)) for overrides in job_overrides]

    def close(self) -> None:
        self.closed = True


def done() -> JobReturn:
    return JobReturn(status=JobStatus.COMPLETED)


def failed(error: Exception, log: str | None = None) -> JobReturn:
    result = JobReturn(status=JobStatus.FAILED)
    result.return_value = error
    vars(result)["log"] = log
    return result


@pytest.fixture
def send(ledger: Ledger, begun: Callable[..., Trial]) -> Callable[..., SimpleNamespace]:
    """Sends one trial of `jobs` jobs through a launcher that does `work(trial, job)`."""

    def run(
        work: Callable[[Trial, int], Any], jobs: int = 1, compose: Callable[[Sequence[str]], object] = list
    ) -> SimpleNamespace:
        trial = begun(0, jobs=jobs)
        store = Store()
        launcher = Launcher(ledger, lambda overrides: work(trial, int(overrides[0])))
        dispatcher = Dispatcher(launcher, ledger, store, compose, 60.0, 5)  # type: ignore[arg-type]
        every = [Job(trial, Place(trial.attempt, index), [str(index)]) for index in range(jobs)]
        error: Exception | None = None
        try:
            dispatcher.run(every)
        except Exception as raised:
            error = raised
        return SimpleNamespace(
            trial=ledger.trial(0),
            store=store,
            launcher=launcher,
            error=error,
            jobs=every,
            dispatcher=dispatcher,
        )

    return run


def test_a_job_that_told_its_end_is_left_as_it_is(ledger: Ledger, send: Callable[..., Any]) -> None:
    def work(trial: Trial, job: int) -> JobReturn:
        ledger.write(trial, job, JobState("finished", run="r", values={OBJECTIVE: 0.7}))
        return done()

    sent = send(work)
    assert sent.trial.told == "finished"
    assert sent.store.ended == []
    assert sent.launcher.launched == [5]


def test_a_job_whose_process_was_killed_is_one_failed_run_with_the_launcher_s_reason_and_log(
    ledger: Ledger, send: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def work(trial: Trial, job: int) -> JobReturn:
        if job:
            ledger.write(trial, job, JobState("finished", run="r1", values={OBJECTIVE: 0.7}))
            return done()
        ledger.write(trial, job, JobState("running", run="r0", worker=DEAD))
        return failed(RunError("killed by signal 9 (SIGKILL)\nmore"), log="0.log")

    sent = send(work, jobs=2)
    assert sent.trial.told == "failed"
    assert [job.state for job in sent.trial.jobs] == ["failed", "finished"]
    assert sent.trial.jobs[0].error == "killed by signal 9 (SIGKILL)"
    assert sent.trial.jobs[0].log == "0.log"
    assert sent.store.ended == [("r0", "FAILED", "killed by signal 9 (SIGKILL)")]
    assert "job 0.0 failed: killed by signal 9" in capsys.readouterr().err


def test_a_job_that_never_began_fails_with_the_launcher_s_reason(send: Callable[..., Any]) -> None:
    sent = send(lambda trial, job: failed(UserError("expected a value for data.root, found none")))
    assert sent.trial.told == "failed"
    assert sent.trial.jobs[0].error == "expected a value for data.root, found none"
    assert sent.store.ended == []


def test_a_job_that_is_said_to_be_done_and_is_not_has_failed(send: Callable[..., Any]) -> None:
    assert send(lambda trial, job: done()).trial.jobs[0].error == LOST


def test_a_job_that_ended_without_a_word_has_failed_though_its_worker_lives_on(
    ledger: Ledger, send: Callable[..., Any]
) -> None:
    there = replace(Worker.here(), host="elsewhere")

    def work(trial: Trial, job: int) -> JobReturn:
        ledger.write(trial, job, JobState("running", run="r", worker=there))
        return failed(RunError("the disk is full"))

    sent = send(work)
    assert sent.trial.told == "failed"
    assert sent.store.ended == [("r", "FAILED", "the disk is full")]


def test_a_job_that_another_living_process_has_is_left_to_it(
    ledger: Ledger, send: Callable[..., Any]
) -> None:
    there = replace(Worker.here(), host="elsewhere")

    def work(trial: Trial, job: int) -> JobReturn:
        ledger.write(trial, job, JobState("running", run="r", worker=there))
        return failed(TakenError("requeued"))

    sent = send(work)
    assert sent.trial.told == "running"
    assert sent.store.ended == []


def test_a_job_that_was_cancelled_fails_its_trial_and_can_go_on(
    ledger: Ledger, send: Callable[..., Any]
) -> None:
    def work(trial: Trial, job: int) -> JobReturn:
        ledger.write(trial, job, JobState("killed", run="r"))
        return failed(RunError("cancelled"))

    sent = send(work)
    assert sent.trial.told == "failed"
    assert sent.trial.jobs[0].state == "killed"


def test_a_launcher_that_breaks_fails_what_was_running_and_leaves_what_was_not(
    ledger: Ledger, send: Callable[..., Any]
) -> None:
    def work(trial: Trial, job: int) -> JobReturn:
        if job == 0:
            ledger.write(trial, job, JobState("finished", run="r0", values={OBJECTIVE: 0.7}))
            return done()
        ledger.write(trial, job, JobState("running", run="r1", worker=DEAD))
        raise OSError("a worker has died")

    sent = send(work, jobs=3)
    assert sent.error is None
    assert [job.state for job in sent.trial.jobs] == ["finished", "failed", "waiting"]
    assert sent.store.ended == [("r1", "FAILED", f"{LOST} (OSError: a worker has died)")]


def test_a_job_that_does_not_compose_fails_and_the_others_are_left_for_the_next_batch(
    ledger: Ledger, send: Callable[..., Any]
) -> None:
    def work(trial: Trial, job: int) -> JobReturn:
        if job == 0:
            ledger.write(trial, job, JobState("finished", run="r", values={OBJECTIVE: 0.7}))
            return done()
        raise ValueError("no such key")

    def compose(overrides: Sequence[str]) -> None:
        if overrides == ["1"]:
            raise ValueError("no such key")

    sent = send(work, jobs=3, compose=compose)
    assert sent.error is None
    assert [job.state for job in sent.trial.jobs] == ["finished", "failed", "waiting"]
    assert sent.trial.jobs[1].error == "no such key"


def test_a_launcher_that_can_start_nothing_ends_the_sweep(send: Callable[..., Any]) -> None:
    def work(trial: Trial, job: int) -> JobReturn:
        raise OSError("no such cluster")

    sent = send(work)
    assert isinstance(sent.error, RunError)
    assert "no such cluster" in str(sent.error)


def test_a_launcher_s_refusal_of_its_settings_is_the_user_s_to_mend(send: Callable[..., Any]) -> None:
    def work(trial: Trial, job: int) -> JobReturn:
        raise UserError("expected n_jobs of 1 or more, found 0")

    assert isinstance(send(work).error, UserError)


def test_logs_count_on_and_the_launcher_is_closed(ledger: Ledger, send: Callable[..., Any]) -> None:
    def work(trial: Trial, job: int) -> JobReturn:
        ledger.write(trial, job, JobState("killed"))
        return done()

    sent = send(work, jobs=3)
    sent.dispatcher.run(sent.jobs[:1])
    sent.dispatcher.close()
    assert sent.launcher.launched == [5, 8]
    assert sent.launcher.closed
