"""The shim that Hydra demands.

It takes launchers from this namespace alone. Everything is in `bcdl.sweeps`.
"""

from bcdl.sweeps.launchers.local_jobs import LocalJobs


class LocalLauncher(LocalJobs):
    """The launcher of `hydra/launcher=local`."""
