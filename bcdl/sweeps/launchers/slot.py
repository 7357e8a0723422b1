"""A place for one job at a time: a worker process that is kept from job to job and replaced when it dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

import cloudpickle
from hydra.core.utils import JobReturn

from bcdl.errors import RunError
from bcdl.sweeps.launchers.output import LOG
from bcdl.sweeps.launchers.remote import RemoteJob, failed

WORKER = "bcdl.sweeps.launchers.worker"
ENOUGH_STARTS = 3  # of workers that die before they take a job
_LIKELY = {signal.SIGKILL: ": out of memory, perhaps"}


class Slot:
    """One worker process and the job that it has.

    Args:
        environment: variables that the worker has before it imports anything, beside those of this process.
        errors: file that takes what a worker prints outside its jobs.

    Attributes:
        job: the job that it does now, None for none.
    """

    def __init__(self, environment: Mapping[str, str], errors: Path) -> None:
        self._environment, self._errors = environment, errors
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._ready, self._starts = False, 0
        self.job: RemoteJob | None = None

    @property
    def pipe(self) -> Connection:
        """What can be read as soon as the worker has said something or died."""
        assert self._pipe is not None
        return self._pipe

    def begin(self, job: RemoteJob) -> None:
        """Give the worker a job; it is started where there is none."""
        self.job, self._starts = job, 0
        self._send(job)

    def take(self) -> JobReturn | None:
        """Return how the job ended, None where it goes on; call it when the pipe can be read.

        Raises:
            RunError: workers die before they take a job.
        """
        assert self.job is not None
        try:
            told = self.pipe.recv_bytes()
        except (EOFError, OSError):
            return self._died(self.job)
        if not self._ready:
            self._ready = True
            return None
        self.job = None
        ended: JobReturn = cloudpickle.loads(told)
        return ended

    def interrupt(self) -> None:
        """Ask the job to end, as Ctrl-C does."""
        if self.job is not None and self._process is not None:
            self._process.send_signal(signal.SIGINT)

    def close(self, grace: float = 0.0) -> None:
        """End the worker: it goes when it has no job, and is killed after `grace` seconds."""
        if self._process is None:
            return
        self.pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        self._process.kill()
        self._process.wait()
        self._process = self._pipe = None

    def _send(self, job: RemoteJob) -> None:
        if self._process is None or self._process.poll() is not None:
            self._start()
        with suppress(BrokenPipeError):  # it has died just now: the pipe's end tells
            self.pipe.send_bytes(cloudpickle.dumps(job))

    def _start(self) -> None:
        self._starts += 1
        self._ready = False
        self._pipe, theirs = Pipe()
        self._errors.parent.mkdir(parents=True, exist_ok=True)
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", WORKER, str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env={**os.environ, **self._environment},
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C in a terminal comes to the sweep alone, which passes it on
            )
        theirs.close()

    def _died(self, job: RemoteJob) -> JobReturn | None:
        assert self._process is not None
        code = self._process.wait()
        self._process = None
        self.pipe.close()
        if self._ready:
            self.job = None
            return failed(job.overrides, RunError(_how(code)), str(job.folder / LOG))
        if self._starts == ENOUGH_STARTS:
            raise RunError(f"{ENOUGH_STARTS} workers died as they started ({_how(code)}); see {self._errors}")
        self._send(job)
        return None


def _how(code: int) -> str:
    if code >= 0:
        return f"its process ended with exit code {code}"
    number = signal.Signals(-code)
    return f"its process was killed by signal {-code} ({number.name}){_LIKELY.get(number, '')}"
