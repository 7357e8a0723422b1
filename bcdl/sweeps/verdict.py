"""What a sweep says at its end.

The best configuration, and each one that failed with its reason and its log.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bcdl.sweeps.ledger import Ledger, Trial
from bcdl.sweeps.parent import counts

if TYPE_CHECKING:
    from bcdl.tracking import TrackingStore


def failure_lines(ledger: Ledger, failed: Sequence[Trial]) -> list[str]:
    """Return one line for each failed configuration.

    What composed it, why it failed, where the rest stands.
    """
    varied = set(ledger.facts.get("varied", ()))
    return [_line(trial, varied) for trial in failed]


def print_end(store: "TrackingStore", ledger: Ledger, total: int) -> None:
    """Print how many configurations ended how, the best one, and where to look."""
    from bcdl.tracking.options import ui_command

    found = counts(ledger)
    told = ", ".join(f"{count} {state}" for state, count in found.items()) or "nothing"
    print(f"Sweep {ledger.name}: {told} of {total} trials")
    for trial in ledger.best():
        values = zip(ledger.objectives, trial.values or (), strict=True)
        scores = ", ".join(f"{name} {value:.4f}" for name, value in values)
        varied = " ".join(_varied(trial, set(ledger.facts.get("varied", ()))))
        print(f"Best: trial {trial.number}, {scores}  {varied}")
    print(f"Compare its runs: bcdl compare --sweep {ledger.name} --plot {ledger.name}.html")
    print(f"Browse them: {ui_command(store.root, store.experiment)}")


def _line(trial: Trial, varied: set[str]) -> str:
    job = next((job for job in trial.jobs if job.state in ("failed", "killed")), trial.jobs[0])
    reason = job.error or ("interrupted" if job.state == "killed" else "no reason is known")
    where = f" (log: {job.log})" if job.log else ""
    return f"  trial {trial.number} {' '.join(_varied(trial, varied))}: {reason}{where}"


def _varied(trial: Trial, varied: set[str]) -> list[str]:
    return [text for text in trial.overrides if text.partition("=")[0].lstrip("+") in varied]
