"""The shim that Hydra demands: it takes plugins from this namespace alone. Everything is in `bcdl.sweeps`."""

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.plugins.search_path_plugin import SearchPathPlugin

from bcdl.configs import config_folder
from bcdl.sweeps.launchers.ray_jobs import RayJobs
from bcdl.sweeps.launchers.slurm_jobs import SlurmJobs


class RayLauncher(RayJobs):
    """The launcher of `hydra/launcher=ray`."""


class SlurmLauncher(SlurmJobs):
    """The launcher of `hydra/launcher=submitit_slurm`."""


class OwnLaunchers(SearchPathPlugin):
    """In bcdl's own commands, lets `conf/hydra/launcher` stand in for its namesakes of other plugins.

    Hydra would hold our YAML against the other's schema of that name, and warn that it does.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Forget the namesakes; the search path stays as it is."""
        folders = [Path(element.path.removeprefix("file://")) for element in search_path.get_path()]
        if config_folder() in folders:
            others = ConfigStore.instance().repo["hydra"]["launcher"]
            for own in (config_folder() / "hydra" / "launcher").glob("*.yaml"):
                others.pop(own.name, None)
