"""Gives the MLflow runs of processes that died their true status."""

from typing import TYPE_CHECKING

from bcdl.sweeps.ledger import Ledger

if TYPE_CHECKING:
    from bcdl.tracking import TrackingStore


def end_stale(store: "TrackingStore", ledger: Ledger, stale_after: float) -> None:
    """End as KILLED the runs that are RUNNING in a dead process; those of living ones are left alone."""
    for trial in ledger.newest().values():
        for state in trial.jobs:
            if state.state == "running" and state.run and not state.alive(stale_after):
                _end(store, state.run)


def _end(store: "TrackingStore", run_id: str) -> None:
    if store.status(run_id) == "RUNNING":
        store.end(run_id, "KILLED")
