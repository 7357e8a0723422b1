"""Sends jobs through Hydra's launcher.

And enters into the ledger what became of those that could not do it.
"""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bcdl.errors import RunError, UserError
from bcdl.exits import expected_error
from bcdl.sweeps.endings import end
from bcdl.sweeps.ledger import JobState, Ledger
from bcdl.sweeps.member import TakenError
from bcdl.sweeps.trials import Job

if TYPE_CHECKING:
    from hydra.core.utils import JobReturn
    from hydra.plugins.launcher import Launcher

    from bcdl.tracking import TrackingStore

LOST = "its process ended without a word: killed, or out of memory"


class Dispatcher:
    """Runs batches of jobs.

    Args:
        launcher: Hydra's launcher, set up.
        ledger: the sweep's ledger.
        store: the tracking store, where runs of dead processes are closed.
        compose: composes a job, which tells those that cannot be begun from a launcher that cannot begin any.
        stale_after: seconds after which a silent process of another machine counts as dead.
        first: number of the first job, for the names of logs.
    """

    def __init__(
        self,
        launcher: "Launcher",
        ledger: Ledger,
        store: "TrackingStore",
        compose: Callable[[Sequence[str]], object],
        stale_after: float,
        first: int,
    ) -> None:
        self._launcher, self._ledger, self._store, self._compose = launcher, ledger, store, compose
        self._stale_after, self._next = stale_after, first

    @property
    def slots(self) -> int | None:
        """How many jobs the launcher runs at once, None where it does not say."""
        from hydra._internal.core_plugins.basic_launcher import BasicLauncher

        if isinstance(self._launcher, BasicLauncher):
            return 1
        slots: int | None = getattr(self._launcher, "slots", None)
        return slots

    def run(self, jobs: Sequence[Job]) -> list[str]:
        """Run jobs; afterwards each has an end in the ledger, or is left for the next batch.

        Returns:
            What the launcher says of each, nothing of one that came to its end.

        Raises:
            UserError: the launcher refuses its settings.
            RunError: the launcher cannot start anything.
        """
        first, self._next = self._next, self._next + len(jobs)
        try:
            returned = self._launcher.launch([job.overrides for job in jobs], first)
        except (UserError, RunError):
            raise
        except Exception as error:  # whatever a launcher raises when one of its processes dies
            told = f"{type(error).__name__}: {error}"
            self._take_stock(jobs, told)
            self._refuse([job for job in jobs if self._state(job).state == "waiting"])
            if not any(self._state(job).state != "waiting" for job in jobs):
                raise RunError(f"the launcher could not start any job: {error}") from error
            return [told] * len(jobs)
        for job, result in zip(jobs, returned, strict=True):
            self._enter(job, result)
        self._settle(jobs)
        return [_reason(result) or "" for result in returned]

    def close(self) -> None:
        """Let the launcher's processes go."""
        getattr(self._launcher, "close", lambda: None)()

    def _enter(self, job: Job, result: "JobReturn") -> None:
        """Enter a job that its own process could not end in the ledger."""
        trial = self._ledger.trial(job.trial.attempt)
        state = trial.jobs[job.index]
        if trial.told != "running" or isinstance(result._return_value, TakenError):
            return
        reason, log = _reason(result), getattr(result, "log", None)
        if state.state in ("waiting", "running"):  # its process may live and do other jobs
            self._fail(job, state, reason or LOST, log)
        elif state.state == "killed" and reason:
            self._ledger.write(job.trial, job.index, state.change(error=reason, log=log))

    def _take_stock(self, jobs: Sequence[Job], error: str) -> None:
        """Enter the jobs that died; those that never began are left."""
        for job in jobs:
            state = self._state(job)
            if state.state == "running" and not self._elsewhere(state):
                self._fail(job, state, f"{LOST} ({error})", None)
        self._settle(jobs)

    def _refuse(self, jobs: Sequence[Job]) -> None:
        """Enter those of some jobs as failed that do not compose."""
        for job in jobs:
            try:
                self._compose(job.overrides)
            except Exception as error:  # whatever Hydra and OmegaConf raise
                told = expected_error(error, "bcdl train")
                self._fail(job, self._state(job), str(told or error), None)

    def _fail(self, job: Job, state: JobState, error: str, log: str | None) -> None:
        line = error.strip().splitlines()[0] if error.strip() else LOST
        if state.run is not None:
            end(self._store, state.run, "FAILED", line)
        self._ledger.write(job.trial, job.index, state.change(state="failed", error=line, log=log))
        print(f"bcdl: job {job.trial.number}.{job.index} failed: {line}", file=sys.stderr)

    def _settle(self, jobs: Sequence[Job]) -> None:
        """Tell the trials of which a job was interrupted as failed: a retry goes on with them."""
        for attempt in sorted({job.trial.attempt for job in jobs}):
            trial = self._ledger.trial(attempt)
            states = {state.state for state in trial.jobs}
            if trial.told == "running" and "killed" in states and not states & {"waiting", "running"}:
                self._ledger.tell(trial, "failed")

    def _elsewhere(self, state: JobState) -> bool:
        worker = state.worker
        return state.alive(self._stale_after) and worker is not None and not worker.is_here()

    def _state(self, job: Job) -> JobState:
        return self._ledger.trial(job.trial.attempt).jobs[job.index]


def _reason(result: "JobReturn") -> str | None:
    """Return why a job failed, as its launcher tells it; None where it says that it did not."""
    from hydra.core.utils import JobStatus

    if result.status != JobStatus.FAILED:
        return None
    error = result._return_value
    return str(error) if isinstance(error, UserError | RunError) else f"{type(error).__name__}: {error}"
