"""A run's life in MLflow: the store, the run and its journal, provenance, leaderboards.

Names are imported on first use: the sweep layer and the command line need some of them without Lightning,
and `bcdl --help` needs none of MLflow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bcdl.tracking.logger import RunLogger
    from bcdl.tracking.provenance import log_provenance
    from bcdl.tracking.ranking import leaderboard, spread
    from bcdl.tracking.run import TrackedRun, run_name
    from bcdl.tracking.signals import Terminated, was_interrupted
    from bcdl.tracking.store import TrackingStore

__all__ = [
    "RunLogger",
    "Terminated",
    "TrackedRun",
    "TrackingStore",
    "leaderboard",
    "log_provenance",
    "run_name",
    "spread",
    "was_interrupted",
]

_HOMES = {
    "RunLogger": "logger",
    "Terminated": "signals",
    "TrackedRun": "run",
    "TrackingStore": "store",
    "leaderboard": "ranking",
    "log_provenance": "provenance",
    "run_name": "run",
    "spread": "ranking",
    "was_interrupted": "signals",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the type is that of the lazily imported name
    """Import a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bcdl.tracking' has no attribute '{name}'")
    return getattr(import_module(f"bcdl.tracking.{_HOMES[name]}"), name)
