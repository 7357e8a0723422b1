"""Hydra launcher for one machine: a kept worker a slot, each with its share of the cores and its own GPU.

A job that dies is one failed job; its slot is filled again. Joblib's launcher loses all jobs when one
dies, and cannot give a worker its environment before its imports.
"""

import atexit
import time
from collections.abc import Sequence
from multiprocessing.connection import wait

from hydra.core.utils import JobReturn

from bcdl.sweeps.launchers.gpus import find_gpus
from bcdl.sweeps.launchers.remote import RemoteJob
from bcdl.sweeps.launchers.remote_launcher import RemoteLauncher
from bcdl.sweeps.launchers.shares import Shares
from bcdl.sweeps.launchers.slot import Slot

ERRORS = "workers.log"


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

    def close(self) -> None:
        """End the workers."""
        for slot in self._slots:
            slot.close()
        self._slots = []

    def _require(self) -> None:
        gpus = [] if self.config.trainer.accelerator == "cpu" else find_gpus()
        self._shares = Shares.of(*self._asked, gpus)

    def _outcomes(self, jobs: Sequence[RemoteJob]) -> Sequence[JobReturn]:
        if not self._slots:
            made = range(self._shares.n_jobs)
            self._slots = [Slot(self._shares.environment(each), self._folder / ERRORS) for each in made]
            atexit.register(self.close)
        outcomes: dict[int, JobReturn] = {}
        try:
            self._work(list(enumerate(jobs)), outcomes)
        except BaseException:
            self._interrupt()
            raise
        return [outcomes[number] for number in range(len(jobs))]

    def _work(self, waiting: list[tuple[int, RemoteJob]], outcomes: dict[int, JobReturn]) -> None:
        """Do the jobs that wait, and enter how each ended."""
        doing: dict[Slot, int] = {}
        while waiting or doing:
            for slot in self._slots:
                if slot.job is None and waiting:
                    doing[slot], job = waiting.pop(0)
                    slot.begin(job)
            said = wait([slot.pipe for slot in doing])
            for slot in [each for each in doing if each.pipe in said]:
                ended = slot.take()
                if ended is not None:
                    outcomes[doing.pop(slot)] = ended

    def _interrupt(self) -> None:
        """Let the jobs at work end as interrupted, and then the workers."""
        for slot in self._slots:
            slot.interrupt()
        until = time.monotonic() + self._grace
        for slot in self._slots:
            slot.close(max(0.0, until - time.monotonic()))
        self._slots = []
