"""Hydra launcher on Slurm: a launch is a job array, submitted by submitit, and one bad job is one bad job.

submitit waits with `sacct` and raises for the first job that died; here `squeue` is asked, and every job has
an end of its own. A job that Slurm puts back into the queue runs again.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from omegaconf import OmegaConf

from bcdl.errors import UserError
from bcdl.sweeps.launchers.remote import RemoteJob
from bcdl.sweeps.launchers.remote_launcher import RemoteLauncher, require_installed
from bcdl.sweeps.launchers.slurm_queue import cancel, largest_array, require_commands
from bcdl.sweeps.launchers.slurm_task import Sent, outside_slurm, run_in_slurm, wait

GRACE = 60  # seconds that cancelled jobs may take to end
_GENERAL = frozenset({"timeout_min", "cpus_per_task", "gpus_per_node", "mem_gb", "name"})
_OWN = frozenset({"submitit_folder", "array_parallelism", "setup", "signal_delay_s"})

log = logging.getLogger(__name__)


class SlurmJobs(RemoteLauncher):
    """Runs each job of a sweep as a job of a Slurm cluster.

    Args:
        settings: as of `conf/hydra/launcher/submitit_slurm.yaml`, the names of hydra-submitit-launcher.
    """

    passed_on = ()  # sbatch does that; submitit's files lie on a disk, where no password belongs

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - what a YAML may hold
        self._settings = {name: _plain(value) for name, value in settings.items()}

    @property
    def slots(self) -> int | None:
        """How many jobs run at once: `array_parallelism`; None where only the cluster limits them."""
        slots: int | None = self._settings["array_parallelism"]
        return slots

    def _require(self) -> None:
        require_installed("submitit_slurm", "submitit", "slurm")
        require_commands()

    def _outcomes(self, jobs: Sequence[RemoteJob]) -> Sequence[JobReturn]:
        sent: list[Sent] = []
        try:
            for share in _shares(jobs, largest_array()):
                sent += self._submit(share, len(jobs))
                log.info(f"Slurm has jobs {sent[-len(share)].id} to {sent[-1].id}")
            wait(sent)
        except BaseException:
            cancel(sorted({job.id.partition("_")[0] for job in sent}))
            wait(sent, longest=GRACE, patience=0)
            raise
        return [job.outcome() for job in sent]

    def _submit(self, jobs: Sequence[RemoteJob], total: int) -> list[Sent]:
        from submitit import AutoExecutor
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        folder = Path(self._settings["submitit_folder"]).absolute()
        try:
            with outside_slurm():
                executor = AutoExecutor(folder, cluster="slurm", slurm_max_num_timeout=0)
                executor.update_parameters(**self._parameters(len(jobs) / total))
                accepted = executor.map_array(run_in_slurm, jobs)
        except (FailedJobError, FailedSubmissionError, ValueError, NameError) as error:
            raise UserError(f"Slurm refuses the jobs; see hydra.launcher and sweep.batch. {error}") from error
        return [Sent(job, handle) for job, handle in zip(jobs, accepted, strict=True)]

    def _parameters(self, share: float) -> dict[str, Any]:
        """Return the settings as submitit calls them, for an array with this share of the jobs."""
        settings = self._settings
        given = {name: value for name, value in settings.items() if name not in _OWN and value is not None}
        cpus = settings["cpus_per_task"]
        setup = ["export OMP_NUM_THREADS=${SLURM_CPUS_ON_NODE:-1}", *(settings["setup"] or [])]
        return {
            **{name if name in _GENERAL else f"slurm_{name}": value for name, value in given.items()},
            "nodes": 1,
            "tasks_per_node": 1,
            "stderr_to_stdout": True,
            "slurm_setup": setup,
            "slurm_array_parallelism": math.ceil((self.slots or 1_000_000) * share),
            "slurm_signal_delay_s": min(settings["signal_delay_s"], 15 * settings["timeout_min"]),
            # since Slurm 22.05 a step does not take over its job's number of cores
            "slurm_srun_args": [f"--cpus-per-task={cpus}"] if cpus else [],
        }


def _shares(jobs: Sequence[RemoteJob], most: int) -> Iterator[Sequence[RemoteJob]]:
    """Yield the jobs in parts that Slurm takes as one array each."""
    for start in range(0, len(jobs), most):
        yield jobs[start : start + most]


def _plain(value: Any) -> Any:  # noqa: ANN401 - what a YAML may hold
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
