"""One job in Slurm's hands: what happens around it on its node, and its end as the sender learns it."""

import math
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from hydra.core.utils import JobReturn, JobStatus

from bcdl.errors import RunError
from bcdl.sweeps.launchers.remote import RemoteJob, Stopped, failed
from bcdl.sweeps.launchers.slurm_queue import Queue, Standing, ending

if TYPE_CHECKING:
    from submitit.core.core import Job

PATIENCE = 15  # seconds until a network file system shows a result
_TIME_LIMIT = "the job came close to its time limit and ended in good order; raise hydra.launcher.timeout_min"
_TASKS = ("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_PROCID")
_INHERITED = ("SLURM_", "SLURMD_", "SRUN_", "SBATCH_", "SUBMITIT_")


def run_in_slurm(job: RemoteJob) -> JobReturn:
    """Run a job on its node; called by submitit.

    SIGTERM (scancel, preemption) and SIGUSR2 (the time limit is near) end the run as killed; so the job goes
    on from its last checkpoint when it is run again.
    """
    from submitit import JobEnvironment

    from bcdl.sweeps.member import LOG_VARIABLE, RESTARTED

    signal.signal(signal.SIGTERM, _on_sigterm)
    signal.signal(signal.SIGUSR2, _on_time_limit)
    os.environ[LOG_VARIABLE] = str(JobEnvironment().paths.stdout)
    before = {name: os.environ.pop(name) for name in _TASKS if name in os.environ}
    if os.environ.get("SLURM_RESTART_COUNT", "0") != "0":
        os.environ[RESTARTED] = "1"  # the process that had the job before is dead
    try:
        return job()
    finally:
        os.environ.update(before)  # submitit looks at them again


@contextmanager
def outside_slurm() -> Iterator[None]:
    """Hide what a job gave to this process, if it is one: new jobs would inherit it."""
    hidden = {}
    if "SLURM_JOB_ID" in os.environ:
        hidden = {name: os.environ.pop(name) for name in list(os.environ) if _inherited(name)}
    try:
        yield
    finally:
        os.environ.update(hidden)


class Sent:
    """A job that Slurm has accepted.

    Args:
        job: what it runs.
        handle: what submitit made of it.

    Attributes:
        id: Slurm's id, such as `12_3`.
        done: whether it has ended.
    """

    def __init__(self, job: RemoteJob, handle: "Job[Any]") -> None:
        self._job, self._paths = job, handle.paths
        self.id: str = handle.job_id
        self.done = False
        self._standing = Standing("UNKNOWN")
        self._ended_at: float | None = None

    @property
    def folder(self) -> Path:
        """Where its result is written."""
        folder: Path = self._paths.folder
        return folder

    def look(self, standing: Standing | None, patience: float) -> None:
        """Take note of where it stands, None where Slurm does not answer: then only a result tells.

        A result is waited for, `patience` seconds after the job's end.
        """
        result = self._paths.result_pickle.exists()
        if standing is None:
            self.done = result
            return
        self._standing = standing
        if not standing.ended:  # perhaps again: Slurm puts a job back whose node failed
            self._ended_at = None
            return
        self._ended_at = self._ended_at or time.monotonic()
        self.done = result or time.monotonic() - self._ended_at >= patience

    def outcome(self) -> JobReturn:
        """Return how it ended: in its own words, unless Slurm ended it."""
        log, words = str(self._paths.stdout), self._words()
        if words is None or (words.status == JobStatus.FAILED and self._standing.interrupted):
            return failed(self._job.overrides, ending(self.id, self._standing), log)
        vars(words)["log"] = log
        return words

    def _words(self) -> JobReturn | None:
        from submitit.core.utils import pickle_load

        if not self._paths.result_pickle.exists():
            return None
        kind, content = pickle_load(self._paths.result_pickle)
        if kind == "success":
            words: JobReturn = content
            return words
        return failed(self._job.overrides, RunError(str(content).strip().splitlines()[-1]))


def wait(jobs: Sequence[Sent], longest: float = math.inf, patience: float = PATIENCE) -> None:
    """Wait, at most `longest` seconds, until all jobs have ended, with a result or `patience` seconds ago."""
    queue, end = Queue(), time.monotonic() + longest
    while (waiting := [job for job in jobs if not job.done]) and time.monotonic() < end:
        queue.wait()
        list(waiting[0].folder.iterdir())  # a network file system now looks for new files
        standings = queue.standings([job.id for job in waiting])
        for job in waiting:
            job.look(None if standings is None else standings[job.id], patience)


def _inherited(name: str) -> bool:
    return name.startswith(_INHERITED) and name != "SLURM_CONF"


def _on_sigterm(signum: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped("the job was asked to end (SIGTERM), and did")


def _on_time_limit(signum: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    raise Stopped(_TIME_LIMIT)
