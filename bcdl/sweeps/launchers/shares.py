"""How the cores and GPUs of one machine are shared out among jobs that run side by side."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bcdl.errors import UserError
from bcdl.sweeps.launchers.gpus import Gpu

THREADS = (  # read by the libraries as they are imported
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)
VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Shares:
    """What each job gets.

    Attributes:
        n_jobs: jobs at once.
        threads: threads of each.
        gpus: the machine's GPUs that jobs may use; the first job gets the first one, and so on round.
    """

    n_jobs: int
    threads: int
    gpus: Sequence[Gpu]

    @classmethod
    def of(
        cls,
        n_jobs: int | None,
        threads: int | None,
        trials_per_gpu: int,
        gpu_memory: float | None,
        gpus: Sequence[Gpu],
    ) -> "Shares":
        """Return what each job gets.

        Args:
            n_jobs: jobs at once; None is as many as the GPUs take, without any half of the cores.
            threads: threads of a job; None is its part of the cores.
            trials_per_gpu: jobs that share a GPU.
            gpu_memory: memory that a job needs on its GPU, GiB; None is unknown.
            gpus: the GPUs that jobs may use.

        Raises:
            UserError: a number below 1, or more jobs than the GPUs take.
        """
        for name, value in (("n_jobs", n_jobs), ("threads", threads), ("trials_per_gpu", trials_per_gpu)):
            if value is not None and value < 1:
                raise UserError(f"expected hydra.launcher.{name} of 1 or more, found {value}")
        cores = available_cores()
        jobs = n_jobs or len(gpus) * trials_per_gpu or max(1, cores // 2)
        _require_room(jobs, trials_per_gpu, gpu_memory, gpus)
        return cls(jobs, threads or max(1, cores // jobs), gpus)

    def environment(self, slot: int) -> Mapping[str, str]:
        """Return the variables of the process of a slot."""
        shared = dict.fromkeys(THREADS, str(self.threads))
        return {**shared, VISIBLE: self.gpus[slot % len(self.gpus)].name} if self.gpus else shared


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _require_room(jobs: int, trials_per_gpu: int, gpu_memory: float | None, gpus: Sequence[Gpu]) -> None:
    if gpus and jobs > len(gpus) * trials_per_gpu:
        raise UserError(
            f"expected at most {len(gpus) * trials_per_gpu} jobs on {len(gpus)} GPUs, found "
            f"hydra.launcher.n_jobs={jobs}; lower it, or let jobs share a GPU with "
            f"hydra.launcher.trials_per_gpu"
        )
    if gpu_memory is None:
        return
    for gpu in gpus:
        if gpu_memory * trials_per_gpu > gpu.gib:
            raise UserError(
                f"expected {trials_per_gpu} jobs of {gpu_memory:g} GiB to fit on GPU {gpu.name}, which has "
                f"{gpu.gib:.1f} GiB; lower hydra.launcher.trials_per_gpu, or "
                f"hydra.launcher.gpu_memory if a job "
                "needs less"
            )
