"""Hydra's sweeper of bcdl: grid or search, one ledger, one parent run; what was interrupted goes on."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from bcdl.errors import UserError
from bcdl.sweeps.agreement import require_agreement
from bcdl.sweeps.naming import sweep_name
from bcdl.sweeps.pinning import earlier_runs, pinned, require_pinned
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.space import Space
from bcdl.sweeps.storage import VARIABLE, sweep_folder
from bcdl.tracking.places import without_passwords

if TYPE_CHECKING:
    from hydra.plugins.launcher import Launcher

    from bcdl.sweeps.opening import Command
    from bcdl.tracking import TrackingStore


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
        arguments = pinned(self._without_password(arguments), self._run_id)
        self._require_same_monitor(arguments)
        settings = Settings.of(self.config.sweep, self.config.callbacks.best.monitor)
        space = Space.of(
            arguments, settings.space, settings.when, searching=settings.searching, choices=self._choices
        )
        require_agreement(settings, space)
        require_pinned({"encoder.weights": self._weights(arguments), **settings.space})
        if settings.dry_run:
            self._rehearse(arguments, settings, space)
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

    def _store(self) -> "TrackingStore":
        from bcdl.tracking import TrackingStore

        return TrackingStore.open(self.config.tracking.root, self.config.tracking.experiment)

    def _run_id(self, reference: str) -> str:
        return self._store().resolve(reference)

    def _rehearse(self, arguments: list[str], settings: Settings, space: Space) -> None:
        from bcdl.sweeps.rehearsal import rehearse

        if earlier_runs(arguments):
            raise UserError("sweep.dry_run does not look into earlier runs: leave out from=")
        rehearse(self, settings, space)

    def _weights(self, arguments: list[str]) -> str | None:
        """Return the encoder's weights as a study's file names them, None where they are typed."""
        if any("encoder.weights=" in text for text in arguments):
            return None
        weights: str | None = OmegaConf.select(self.config, "encoder.weights")
        return weights

    def _without_password(self, arguments: list[str]) -> list[str]:
        """Move a study's address with a password to the environment: from there nobody records it."""
        address = self.config.sweep.storage
        if not address or without_passwords(address) == address:
            return arguments
        os.environ[VARIABLE] = address
        with open_dict(self.config):
            self.config.sweep.storage = None
        return [text for text in arguments if not text.startswith("sweep.storage=")]

    def _require_same_monitor(self, arguments: list[str]) -> None:
        """Raise where a run that the jobs start from was chosen by another metric than the sweep's."""
        wanted = self.config.callbacks.best.monitor
        for reference in earlier_runs(arguments):
            store = self._store()
            cfg = OmegaConf.load(store.download(store.resolve(reference), "config.yaml"))
            monitor = OmegaConf.select(cfg, "callbacks.best.monitor")
            if monitor != wanted and not any("callbacks.best.monitor=" in text for text in arguments):
                raise UserError(
                    f"expected from= to name a run that was chosen by {wanted}, as the sweep is, found "
                    f"{monitor}; add callbacks.best.monitor={monitor} or callbacks.best.monitor={wanted}"
                )

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
