"""The shim that Hydra demands.

It takes sweepers from this namespace alone. Everything is in `bcdl.sweeps`.
"""

from bcdl.sweeps.sweeper import StudySweeper


class BcdlSweeper(StudySweeper):
    """The sweeper of `hydra/sweeper=study`."""
