"""Hydra's sweeper of bcdl: grid or search, one ledger, one parent run; what was interrupted goes on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from bcdl.sweeps.agreement import require_agreement
from bcdl.sweeps.naming import sweep_name
from bcdl.sweeps.pinning import pinned
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.space import Space
from bcdl.sweeps.storage import sweep_folder

if TYPE_CHECKING:
    from hydra.plugins.launcher import Launcher

    from bcdl.sweeps.opening import Command


class StudySweeper(Sweeper):
    """What `-m` runs; Hydra demands that the class it instantiates lies in `hydra_plugins`."""

    hydra_context: HydraContext
    config: DictConfig
    task_function: TaskFunction

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives.

        Its context, the job to run and the configuration as composed without the sweep.
        """
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> None:
        """Run a sweep to its end.

        Args:
            arguments: overrides as typed, without Hydra's own.

        Raises:
            UserError: a mistake in the definition; nothing was run.
            RunError: configurations failed; the message names each.
        """
        arguments = pinned(arguments, self._run_id)
        settings = Settings.of(self.config.sweep, self.config.callbacks.best.monitor)
        space = Space.of(
            arguments, settings.space, settings.when, searching=settings.searching, choices=self._choices
        )
        require_agreement(settings, space)
        if settings.dry_run:
            from bcdl.sweeps.rehearsal import rehearse

            rehearse(self, settings, space)
            return
        from bcdl.sweeps.course import Course

        name = settings.name or sweep_name(space.keys, self._study())
        Course(self, settings, space, name, self._command(arguments)).run()

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """Return the configuration of a job."""
        composed: DictConfig = self.hydra_context.config_loader.load_sweep_config(
            self.config, list(overrides)
        )
        return composed

    def make_launcher(self, name: str) -> "Launcher":
        """Return the launcher that is configured; its jobs' logs go to the sweep's folder."""
        with open_dict(self.config):
            self.config.hydra.sweep.dir = str(sweep_folder(self.root, name))
        return Plugins.instance().instantiate_launcher(
            config=self.config, hydra_context=self.hydra_context, task_function=self.task_function
        )

    @property
    def root(self) -> Path:
        """The tracking root."""
        return Path(self.config.tracking.root).expanduser().absolute()

    def _run_id(self, reference: str) -> str:
        from bcdl.tracking import TrackingStore

        tracking = self.config.tracking
        return TrackingStore.open(tracking.root, tracking.experiment).resolve(reference)

    def _choices(self, group: str) -> list[str]:
        return list(self.hydra_context.config_loader.get_group_options(group))

    def _study(self) -> str | None:
        chosen: str | None = OmegaConf.select(self.config, "hydra.runtime.choices.experiments")
        return chosen

    def _command(self, arguments: list[str]) -> "Command":
        from bcdl.sweeps.opening import Command

        hydra = self.config.hydra
        own = [text for text in hydra.overrides.hydra if not text.startswith("hydra.mode=")]
        folders = [each.path for each in hydra.runtime.config_sources if each.provider == "command-line"]
        return Command([*own, *arguments], folders[0] if folders else None, str(Path.cwd()))
