"""Gives the MLflow runs of processes that died their true status."""

import sys
from typing import TYPE_CHECKING

from bcdl.errors import UserError
from bcdl.sweeps.ledger import Ledger

if TYPE_CHECKING:
    from bcdl.tracking import TrackingStore


def end_stale(store: "TrackingStore", ledger: Ledger, stale_after: float) -> None:
    """End as KILLED the runs that are RUNNING in a dead process; those of living ones are left alone."""
    for trial in ledger.newest().values():
        for state in trial.jobs:
            dead = state.state == "running" and not state.alive(stale_after)
            if dead and state.run and store.status(state.run) == "RUNNING":
                end(store, state.run, "KILLED")


def end(store: "TrackingStore", run_id: str, status: str, error: str | None = None) -> None:
    """Give a run its end, or say that it must wait: the lock of a dead process can outlive it for a while."""
    try:
        store.end(run_id, status, error)
    except UserError as held:
        print(f"bcdl: run {run_id} is to be {status} ({held}); the next command does it", file=sys.stderr)
