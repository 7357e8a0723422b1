"""Hydra launcher for one machine: a kept worker a slot, each with its share of the cores and its own GPU.

A job that dies is one failed job; its slot is filled again. Joblib's launcher loses all jobs when one
dies, and cannot give a worker its environment before its imports.
"""

import atexit
import sys
import time
from collections.abc import Iterable, Sequence
from multiprocessing.connection import wait

from hydra.core.utils import JobReturn

from bcdl.errors import UserError
from bcdl.sweeps.launchers.gpus import Gpu, find_gpus
from bcdl.sweeps.launchers.remote import RemoteJob
from bcdl.sweeps.launchers.remote_launcher import RemoteLauncher
from bcdl.sweeps.launchers.shares import Shares
from bcdl.sweeps.launchers.slot import Slot

ERRORS = "workers.log"
GOING = 10.0  # seconds that a worker without a job may take to end


class LocalJobs(RemoteLauncher):
    """Runs jobs side by side on this machine.

    Args:
        n_jobs: jobs at once; None is as many as the GPUs take, without any half of the cores.
        threads: threads of a job; None is its part of the cores.
        trials_per_gpu: jobs that share a GPU.
        gpu_memory: memory that a job needs on its GPU, GiB; None is unknown.
        grace: seconds that interrupted jobs have to end in good order.
    """

    def __init__(
        self,
        n_jobs: int | None,
        threads: int | None,
        trials_per_gpu: int,
        gpu_memory: float | None,
        grace: float,
    ) -> None:
        self._asked = (n_jobs, threads, trials_per_gpu, gpu_memory)
        self._grace = grace
        self._slots: list[Slot] = []

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return self._shares.n_jobs

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs and return how each ended, in order; a job's end raises nothing.

        A job is composed while those before it are at work.

        Raises:
            RunError: no worker can be started.
        """
        return self._outcomes(self._composed(job_overrides, initial_job_idx))

    def close(self) -> None:
        """End the workers."""
        self._let_go(GOING)

    def _require(self) -> None:
        self._shares = Shares.of(*self._asked, self._gpus())

    def _gpus(self) -> Sequence[Gpu]:
        trainer = self.config.trainer
        gpus = [] if trainer.accelerator == "cpu" else find_gpus()
        if gpus and trainer.devices not in (1, -1, "1", "-1", "auto"):
            raise UserError(
                "expected trainer.devices=1, for hydra/launcher=local gives each job one GPU, found "
                f"trainer.devices={trainer.devices}. Set it to 1, or run one job at a time over several "
                "GPUs with hydra/launcher=basic"
            )
        return gpus

    def _outcomes(self, jobs: Iterable[RemoteJob | JobReturn]) -> Sequence[JobReturn]:
        if not self._slots:
            made = range(self._shares.n_jobs)
            self._slots = [Slot(self._shares.environment(each), self._folder / ERRORS) for each in made]
            atexit.register(self.close)
        try:
            return self._work(jobs)
        except BaseException:
            self._interrupt()
            raise

    def _work(self, jobs: Iterable[RemoteJob | JobReturn]) -> list[JobReturn]:
        """Do the jobs and return how each ended, in order."""
        doing: dict[Slot, int] = {}
        outcomes: dict[int, JobReturn] = {}
        numbered = enumerate(jobs)
        upcoming = next(numbered, None)
        while upcoming or doing:
            free = next((slot for slot in self._slots if slot.job is None), None)
            if upcoming is None or free is None:
                outcomes |= _ends(doing)
                continue
            number, job = upcoming
            if isinstance(job, JobReturn):
                outcomes[number] = job
            else:
                doing[free] = number
                free.begin(job)
            upcoming = next(numbered, None)
        return [outcomes[number] for number in sorted(outcomes)]

    def _interrupt(self) -> None:
        """Let the jobs at work end as interrupted, and then the workers."""
        if busy := sum(slot.job is not None for slot in self._slots):
            print(
                f"bcdl: {busy} jobs are interrupted and have {self._grace:g} s to end in good order; "
                "once more Ctrl-C kills them",
                file=sys.stderr,
                flush=True,
            )
        self._let_go(self._grace)

    def _let_go(self, grace: float) -> None:
        for slot in self._slots:
            slot.leave()
        until = time.monotonic() + grace
        try:
            while self._slots:
                self._slots[-1].close(max(0.0, until - time.monotonic()))
                self._slots.pop()
        finally:  # another Ctrl-C
            for slot in self._slots:
                slot.close(0.0)
            self._slots = []


def _ends(doing: dict[Slot, int]) -> dict[int, JobReturn]:
    """Wait until workers say something, take the slots whose jobs ended out, and return their ends."""
    said = wait([slot.pipe for slot in doing])
    ends = [(slot, slot.take()) for slot in list(doing) if slot.pipe in said]
    return {doing.pop(slot): end for slot, end in ends if end is not None}
