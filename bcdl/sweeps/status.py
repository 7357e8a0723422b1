"""How a sweep stands: its trials, their states, the best so far, and the time that is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from bcdl.sweeps.ledger import Ledger, Trial
from bcdl.sweeps.opening import owner


@dataclass(frozen=True)
class Status:
    """How a sweep stands.

    Attributes:
        name: its name.
        state: `running`, `finished`, or `stopped` where configurations are left and no process works on it.
        owner: the process that works on it, or was the last to.
        total: configurations to be tried.
        counts: configurations by state: finished, pruned, failed, running, waiting.
        jobs_running: jobs that a living process has in hand.
        trials: the newest try of each configuration that has begun, by number.
        best: the best so far.
        objectives: what is optimised.
        seconds_left: estimate from the trials so far; None where there is nothing to go by.
    """

    name: str
    state: str
    owner: str
    total: int
    counts: dict[str, int]
    jobs_running: int
    trials: Sequence[Trial]
    best: Trial | None
    objectives: tuple[str, ...]
    seconds_left: float | None


def status(ledger: Ledger, stale_after: float = 600.0) -> Status:
    """Return how a sweep stands now."""
    newest = ledger.newest()
    trials = [newest[number] for number in sorted(newest)]
    total = int(ledger.facts.get("total", len(trials)))
    running = sum(job.alive(stale_after) for trial in trials for job in trial.jobs)
    counts = _counts(trials, total, stale_after)
    worker = owner(ledger)
    alive = worker is not None and worker.alive(stale_after)
    left = counts["running"] + counts["waiting"] + counts["interrupted"]
    ranked = ledger.ranked()
    return Status(
        name=ledger.name,
        state="running"
        if (alive and not ledger.facts.get("ended")) or running
        else "stopped"
        if left
        else "finished",
        owner=str(worker),
        total=total,
        counts=counts,
        jobs_running=running,
        trials=trials,
        best=ranked[0] if ranked else None,
        objectives=ledger.objectives,
        seconds_left=_seconds_left(trials, left, running),
    )


def state_of(trial: Trial, stale_after: float) -> str:
    """Return the state of a configuration: of one that is not told, whether a living process works on it."""
    if trial.told != "running":
        return trial.told
    if any(job.alive(stale_after) for job in trial.jobs):
        return "running"
    return "waiting" if all(job.state == "waiting" for job in trial.jobs) else "interrupted"


def _counts(trials: Sequence[Trial], total: int, stale_after: float) -> dict[str, int]:
    counts = dict.fromkeys(("finished", "pruned", "failed", "running", "interrupted", "waiting"), 0)
    for trial in trials:
        counts[state_of(trial, stale_after)] += 1
    counts["waiting"] += max(0, total - len(trials))
    return counts


def _seconds_left(trials: Sequence[Trial], left: int, running: int) -> float | None:
    """Return the mean time of a told trial, times the trials left, shared among those that run at once."""
    taken = [trial.seconds for trial in trials if trial.seconds is not None and trial.told != "failed"]
    if not taken or not left:
        return None
    at_once = max(1, running // max(1, len(trials[0].jobs)))
    return fmean(taken) * left / at_once
