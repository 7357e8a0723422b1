"""What the launchers of clusters share: jobs are composed here and run elsewhere, each with its own end."""

from abc import abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from hydra.core.utils import JobReturn, configure_log, filter_overrides, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from bcdl.errors import UserError
from bcdl.exits import expected_error
from bcdl.sweeps.launchers.remote import Origin, RemoteJob, failed


class RemoteLauncher(Launcher):
    """A launcher that composes here and runs elsewhere; `_outcomes` is all that a cluster has to add.

    Attributes:
        passed_on: beginnings of the names of the variables that travel with a job.
    """

    passed_on: tuple[str, ...] = ("MLFLOW_", "BCDL_")

    config: DictConfig
    hydra_context: HydraContext
    task_function: TaskFunction

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives to every launcher; raise `UserError` where the extra is missing."""
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
        origin = Origin.here(self.hydra_context, self.task_function, self.passed_on)
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
            return failed(overrides, expected_error(error, "bcdl train") or error)
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = str(number), number
            config.hydra.sweep.dir = str(self._folder)
        return RemoteJob(origin, config, tuple(filter_overrides(overrides)))


def require_installed(launcher: str, module: str, extra: str) -> None:
    """Raise `UserError` where the package behind a launcher is not installed."""
    if find_spec(module) is None:
        raise UserError(
            f"hydra/launcher={launcher} needs the extra '{extra}', found no package '{module}': "
            f"pip install 'bcdl[{extra}]'"
        )
