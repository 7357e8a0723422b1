"""Waits for the jobs of a sweep that other living processes work on.

Such as those of a cluster after a crash here.
"""

import time

from bcdl.sweeps.trials import Trials

PAUSE = 5.0  # seconds between two looks


def wait_for(trials: Trials, pause: float = PAUSE) -> None:
    """Return when no other process works on a job of the sweep any more."""
    told = False
    while jobs := trials.elsewhere():
        if not told:
            names = ", ".join(f"{job.trial.number}.{job.index}" for job in jobs)
            print(f"Waiting for jobs that other processes work on: {names} ...", flush=True)
            told = True
        time.sleep(pause)
