"""A run's life in MLflow: the store, the run and its journal, provenance, leaderboards.

Names are imported on first use: the sweep layer and the command line need some of them without Lightning,
and `bcdl --help` needs none of MLflow.
"""

from typing import TYPE_CHECKING

from bcdl.lazy import importer

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

__getattr__ = importer(
    __name__,
    {
        "RunLogger": "logger",
        "Terminated": "signals",
        "TrackedRun": "run",
        "TrackingStore": "store",
        "leaderboard": "ranking",
        "log_provenance": "provenance",
        "run_name": "run",
        "spread": "ranking",
        "was_interrupted": "signals",
    },
)
