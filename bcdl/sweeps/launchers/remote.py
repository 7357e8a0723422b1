"""Jobs on their way to other machines: what each needs there, and what comes back. Knows no cluster.

A job is composed here, so that the other machine needs bcdl and the folders that the configuration names, but
no `conf/` of its own.
"""

import os
import sys
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from bcdl.errors import RunError, UserError

LOG_VARIABLE = "BCDL_JOB_LOG"
PASSED_ON = ("MLFLOW_", "BCDL_")
"""Beginnings of the names of environment variables that a job takes with it."""


@dataclass(frozen=True)
class Origin:
    """What all jobs of a launch share: the process that sends them.

    Attributes:
        context: Hydra's loader and callbacks.
        task: what runs a composed configuration.
        singletons: state of Hydra's singletons.
        argv: the command as typed: Lightning starts the further processes of a fit from it.
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
    def here(cls, context: HydraContext, task: TaskFunction) -> "Origin":
        """Return this process as the origin of jobs."""
        passed = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
        return cls(context, task, Singleton.get_state(), tuple(sys.argv), os.getcwd(), passed)  # noqa: PTH109

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
        log: file that its output is written to.
    """

    origin: Origin
    config: DictConfig
    overrides: tuple[str, ...]
    log: Path | None = None

    def __call__(self) -> JobReturn:
        """Run the job and return how it ended, without the configuration: the sender has that already.

        Nothing that the job does is raised, Ctrl-C and SIGTERM included.
        """
        try:
            with self.origin.restored():
                if self.log is not None:
                    os.environ[LOG_VARIABLE] = str(self.log)
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


class RemoteLauncher(Launcher):
    """A launcher that composes here and runs elsewhere; `_outcomes` is all that a cluster has to add."""

    config: DictConfig
    hydra_context: HydraContext
    task_function: TaskFunction

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives to every launcher; raise `UserError` where the cluster's package is missing."""
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config
        self._require()

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs on the cluster and return how each ended, in order; a job's end raises nothing.

        Raises:
            UserError: the cluster refuses the settings.
            RunError: the cluster cannot be reached.
        """
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        origin = Origin.here(self.hydra_context, self.task_function)
        made = [
            self._made(origin, tuple(overrides), number)
            for number, overrides in enumerate(job_overrides, initial_job_idx)
        ]
        outcomes = iter(self._outcomes([job for job in made if isinstance(job, RemoteJob)]))
        return [next(outcomes) if isinstance(job, RemoteJob) else job for job in made]

    @abstractmethod
    def _require(self) -> None:
        """Raise `UserError` where what the launcher needs is not installed."""

    @abstractmethod
    def _outcomes(self, jobs: Sequence[RemoteJob]) -> Sequence[JobReturn]:
        """Run the jobs and return how each ended, in order."""

    @property
    def _folder(self) -> Path:
        """The sweep's own folder, made."""
        folder = Path(str(self.config.hydra.sweep.dir)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _made(self, origin: Origin, overrides: tuple[str, ...], number: int) -> RemoteJob | JobReturn:
        try:
            config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        except Exception as error:  # one configuration that does not compose is one failed job
            return failed(overrides, error)
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = str(number), number
        return RemoteJob(origin, config, tuple(filter_overrides(overrides)))


def failed(overrides: Sequence[str], error: BaseException, log: str | None = None) -> JobReturn:
    """Return a failed job's outcome, which pickles whatever the error was, with the file that tells more."""
    if not isinstance(error, UserError | RunError):
        error = RunError(f"{type(error).__name__}: {error}")
    outcome = JobReturn(tuple(overrides), status=JobStatus.FAILED, _return_value=error)
    if log is not None:
        vars(outcome)["log"] = log
    return outcome


def require_installed(launcher: str, module: str, extra: str) -> None:
    """Raise `UserError` where the package behind a launcher is not installed."""
    if find_spec(module) is None:
        raise UserError(
            f"hydra/launcher={launcher} needs the extra '{extra}', and its package '{module}' is not installed: "
            f"pip install 'bcdl[{extra}]'"
        )


def _stopped(stop: BaseException) -> str:
    if isinstance(stop, SystemExit) and stop.code not in (128 + 15, None):
        return f"the job ended itself with exit code {stop.code}"
    return "the job was asked to end (Ctrl-C, or SIGTERM) and did"
