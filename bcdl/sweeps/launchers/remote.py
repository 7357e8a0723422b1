"""A job on its way to another machine: what it needs there, and what comes back. Knows no cluster.

It travels composed: the other machine needs bcdl and the folders that the configuration names, nothing else.
"""

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from bcdl.errors import RunError, UserError
from bcdl.exits import TERMINATED
from bcdl.tracking.places import without_passwords


class Stopped(SystemExit):
    """The cluster wants the job to end; its exit code closes the run as killed, as SIGTERM does."""

    def __init__(self, reason: str) -> None:
        super().__init__(TERMINATED)
        self.reason = reason


@dataclass(frozen=True)
class Origin:
    """What all jobs of a launch share: the process that sends them.

    Attributes:
        context: Hydra's loader and callbacks.
        task: what runs a composed configuration.
        singletons: state of Hydra's singletons.
        argv: the command as typed, without passwords: further processes of a fit are started from it.
        folder: the working folder, for relative paths and for a user's own modules.
        environment: variables passed on.
    """

    context: HydraContext
    task: TaskFunction
    singletons: Any
    argv: tuple[str, ...]
    folder: str
    environment: Mapping[str, str]

    @classmethod
    def here(cls, context: HydraContext, task: TaskFunction, passed_on: tuple[str, ...]) -> "Origin":
        """Return this process as the origin of jobs, with the variables whose names begin so."""
        passed = {name: value for name, value in os.environ.items() if name.startswith(passed_on)}
        typed = tuple(map(without_passwords, sys.argv))
        return cls(context, task, Singleton.get_state(), typed, os.getcwd(), passed)  # noqa: PTH109

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Give this process the folder, command, variables and import path of the origin; then its own again.

        Raises:
            RunError: if the origin's working folder is not on this machine.
        """
        environment, folder, argv, path = dict(os.environ), os.getcwd(), sys.argv, list(sys.path)  # noqa: PTH109
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        self._enter_folder()
        try:
            os.environ.update(self.environment)
            sys.argv, sys.modules["__main__"].__spec__ = list(self.argv), None
            sys.path.append(self.folder)
            yield
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            sys.argv, sys.path[:], sys.modules["__main__"].__spec__ = argv, path, spec

    def _enter_folder(self) -> None:
        try:
            os.chdir(self.folder)
        except OSError as error:
            raise RunError(
                f"expected the folder {self.folder} on {os.uname().nodename}, found none ({error.strerror}). "
                "Start the sweep in a folder that every machine of the cluster shares"
            ) from error


@dataclass(frozen=True)
class RemoteJob:
    """One composed job, to be pickled (cloudpickle) and called where it is to run.

    Attributes:
        origin: who sends it.
        config: its configuration, with Hydra's own part.
        overrides: its own overrides.
    """

    origin: Origin
    config: DictConfig
    overrides: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Its output folder, as Hydra makes it."""
        return Path(str(self.config.hydra.sweep.dir), str(self.config.hydra.sweep.subdir)).absolute()

    def __call__(self) -> JobReturn:
        """Run the job and return how it ended, without the configuration: the sender has that already.

        Nothing that the job does is raised, Ctrl-C and SIGTERM included.
        """
        try:
            with self.origin.restored():
                ended = self._run()
        except RunError as error:
            return failed(self.overrides, error)
        except (KeyboardInterrupt, SystemExit) as stop:
            return failed(self.overrides, RunError(_stopped(stop)))
        if ended.status == JobStatus.FAILED:
            return failed(self.overrides, ended._return_value)
        return JobReturn(
            self.overrides, task_name=ended.task_name, status=ended.status, _return_value=ended._return_value
        )

    def _run(self) -> JobReturn:
        setup_globals()
        Singleton.set_state(self.origin.singletons)
        HydraConfig.instance().set_config(self.config)
        return run_job(
            hydra_context=self.origin.context,
            task_function=self.origin.task,
            config=self.config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )


def failed(overrides: Sequence[str], error: BaseException, log: str | None = None) -> JobReturn:
    """Return a failed job's outcome, which pickles whatever the error was, with the file that tells more."""
    if not isinstance(error, UserError | RunError):
        error = RunError(f"{type(error).__name__}: {error}")
    outcome = JobReturn(tuple(overrides), status=JobStatus.FAILED, _return_value=error)
    if log is not None:
        vars(outcome)["log"] = log
    return outcome


def _stopped(stop: KeyboardInterrupt | SystemExit) -> str:
    if isinstance(stop, Stopped):
        return stop.reason
    if isinstance(stop, SystemExit) and stop.code not in (TERMINATED, signal.SIGTERM):
        return f"the job ended itself with exit code {stop.code}"
    return "the job was asked to end (SIGINT or SIGTERM), and did"
