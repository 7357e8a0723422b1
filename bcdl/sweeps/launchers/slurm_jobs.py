"""Hydra launcher on Slurm: a launch is a job array, submitted through submitit, and one bad job is one bad job.

submitit waits with `sacct` and raises for the first job that died; here `squeue` is asked, and every job has
its own end. A job that Slurm puts back into the queue runs again.
"""

import logging
import math
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf

from bcdl.errors import RunError, UserError
from bcdl.exits import TERMINATED
from bcdl.sweeps.launchers import slurm_queue
from bcdl.sweeps.launchers.remote import RemoteJob, RemoteLauncher, failed, require_installed
from bcdl.sweeps.launchers.slurm_queue import Queue, Standing

if TYPE_CHECKING:
    from submitit.core.core import Job

RESTARTED_VARIABLE = "BCDL_JOB_RESTARTED"
GRACE = 60  # seconds that cancelled jobs may take to end
PATIENCE = 15  # seconds until a result is visible through a network file system
_GENERAL = {"timeout_min", "cpus_per_task", "gpus_per_node", "mem_gb", "name"}
_OWN = {"submitit_folder", "array_parallelism", "setup", "signal_delay_s"}

log = logging.getLogger(__name__)


class SlurmJobs(RemoteLauncher):
    """Runs each job of a sweep as a job of a Slurm cluster.

    Args:
        settings: as of `conf/hydra/launcher/submitit_slurm.yaml`, the names of hydra-submitit-launcher.
    """

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - what a YAML may hold
        self._settings = {name: _plain(value) for name, value in settings.items()}

    @property
    def slots(self) -> int | None:
        """How many jobs run at once: `array_parallelism`; None where only the cluster limits them."""
        slots: int | None = self._settings["array_parallelism"]
        return slots

    def _require(self) -> None:
        require_installed("submitit_slurm", "submitit", "slurm")
        slurm_queue.require_commands()

    def _outcomes(self, jobs: Sequence[RemoteJob]) -> Sequence[JobReturn]:
        sent: list[Sent] = []
        try:
            for share in _shares(jobs, slurm_queue.largest_array()):
                sent += self._submit(share, len(jobs))
            log.info(f"Slurm has {len(sent)} jobs, {sent[0].id} to {sent[-1].id}" if sent else "No jobs for Slurm")
            _wait(sent)
        except BaseException:
            _cancel(sent)
            raise
        return [job.outcome() for job in sent]

    def _submit(self, jobs: Sequence[RemoteJob], total: int) -> "list[Sent]":
        from submitit import SlurmExecutor
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        parallel = math.ceil((self.slots or total) * len(jobs) / total)
        folder = Path(self._settings["submitit_folder"]).absolute()
        try:
            executor = SlurmExecutor(folder, max_num_timeout=0)
            executor.update_parameters(**self._parameters(parallel))
            accepted = executor.map_array(SlurmTask.__call__, [SlurmTask(job) for job in jobs])
        except (FailedJobError, FailedSubmissionError, ValueError) as error:
            raise UserError(f"Slurm refuses the jobs: {str(error).strip()}. See hydra.launcher and sweep.batch") from error
        return [Sent(job, accepted) for job, accepted in zip(jobs, accepted, strict=True)]

    def _parameters(self, parallel: int) -> dict[str, Any]:
        """Return the settings as submitit's executor for Slurm calls them."""
        from submitit import SlurmExecutor

        given = {name: value for name, value in self._settings.items() if name not in _OWN and value is not None}
        names = SlurmExecutor._equivalence_dict()
        parameters = {names.get(name, name): value for name, value in given.items()}
        return {**SlurmExecutor._convert_parameters(executor, parameters)}
