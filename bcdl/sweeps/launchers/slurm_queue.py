"""What Slurm says about jobs, through its own commands, and never too often.

Uses `squeue`, which every cluster has; `sacct` needs an accounting database, which not every one runs.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bcdl.errors import RunError, UserError

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0  # seconds between two questions
TIMEOUT = 60  # seconds a command may take
GONE = "GONE"
_NEEDED = ("sbatch", "squeue", "scancel", "scontrol", "srun")
_FIELDS = "JobArrayID:64,State:32,exit_code:16"
_MEANINGS = {
    "TIMEOUT": "it ran into its time limit; raise hydra.launcher.timeout_min",
    "DEADLINE": "it ran into its deadline",
    "OUT_OF_MEMORY": "it needed more memory than it had; raise hydra.launcher.mem_gb",
    "CANCELLED": "it was cancelled with scancel",
    "NODE_FAIL": "its node failed",
    "PREEMPTED": "another job took its place",
    "BOOT_FAIL": "its node did not start",
    GONE: "Slurm no longer knows it, and it left no result",
}
_ENDED = frozenset(_MEANINGS) | {"COMPLETED", "FAILED", "REVOKED"}


@dataclass(frozen=True)
class Standing:
    """Where a job stands.

    Attributes:
        state: Slurm's word, such as `RUNNING`; `GONE` where Slurm has forgotten the job.
        status: the wait status of its script.
    """

    state: str
    status: int = 0

    @property
    def ended(self) -> bool:
        """Whether the job is over and will not be run again."""
        return self.state in _ENDED

    @property
    def interrupted(self) -> bool:
        """Whether Slurm, and not the job itself, ended it."""
        return self.state in _MEANINGS and self.state != GONE


class Queue:
    """Asks Slurm about jobs, at first every second, later every 15 seconds."""

    def __init__(self) -> None:
        self._pause = FIRST_PAUSE

    def wait(self) -> None:
        """Sleep until the next question may be asked."""
        time.sleep(self._pause)
        self._pause = min(self._pause * 1.2, LONGEST_PAUSE)

    def standings(self, ids: Collection[str]) -> dict[str, Standing] | None:
        """Return where jobs stand, by id (`12_3`); None while Slurm's controller does not answer."""
        arrays = sorted({name.partition("_")[0] for name in ids})
        command = ["squeue", "--noheader", "--array", "--states=all", f"--jobs={','.join(arrays)}"]
        said = _run([*command, f"--Format={_FIELDS}"])
        if said is None or (said.returncode and "Invalid job id" not in said.stderr):
            return None
        known = dict(_read(line) for line in said.stdout.splitlines() if len(line.split()) == 3)
        return {name: known.get(name, Standing(GONE)) for name in ids}


def cancel(ids: Sequence[str]) -> None:
    """Cancel jobs that wait or run: these get SIGTERM and some time to end."""
    if ids:
        _run(["scancel", *ids])


def largest_array() -> int:
    """Return how many jobs one job array may have."""
    said = _run(["scontrol", "show", "config"])
    found = re.search(r"MaxArraySize\s*=\s*(\d+)", said.stdout) if said else None
    return int(found[1]) - 1 if found else 1000


def require_commands() -> None:
    """Raise `UserError` where Slurm's commands are not on the PATH."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        raise UserError(
            f"hydra/launcher=submitit_slurm needs Slurm's commands, found no {', '.join(missing)}: "
            "start the sweep on a login node of the cluster"
        )


def ending(job: str, standing: Standing) -> RunError:
    """Return why a job ended that left no result of its own."""
    meaning = _MEANINGS.get(standing.state)
    if meaning is None:
        meaning = _exit(standing.status)
    return RunError(f"Slurm ended job {job}: {standing.state}; {meaning}")


def _exit(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    number = -code if code < 0 else code - 128
    if 0 < number < signal.NSIG:
        return f"its process was killed by signal {number}"
    return f"its process ended with exit code {code} before it could say why"


def _read(line: str) -> tuple[str, Standing]:
    name, state, status = line.split()
    return name, Standing(state, int(status))


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str] | None":
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return None
