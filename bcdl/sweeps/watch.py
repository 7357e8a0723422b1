"""The table of a sweep in the terminal, drawn anew while the sweep goes on."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from bcdl.sweeps.ledger import Trial
from bcdl.sweeps.status import Status, state_of

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.table import Table

NEWEST = 15  # trials shown
PAUSE = 2.0  # seconds between two looks
WIDTH = 60  # characters of a trial's settings


def watch(look: Callable[[], Status], varied: set[str], console: "Console") -> None:
    """Draw a sweep's table until nothing works on it any more; once, where the output is no terminal."""
    from rich.live import Live

    now = look()
    if not console.is_terminal or now.state != "running":
        console.print(table(now, varied))
        return
    with Live(table(now, varied), console=console, auto_refresh=False) as live:
        while now.state == "running":
            time.sleep(PAUSE)
            now = look()
            live.update(table(now, varied), refresh=True)


def table(status: Status, varied: set[str]) -> "Group":
    """Return the lines above and the table of the newest trials, with the best marked."""
    from rich.console import Group

    return Group(*_lines(status), _trials(status, varied))


def _lines(status: Status) -> list[str]:
    counts = ", ".join(f"{count} {state}" for state, count in status.counts.items() if count)
    lines = [f"Sweep {status.name}: {status.state}, {status.total} trials: {counts}"]
    if status.seconds_left is not None:
        lines.append(f"About {timedelta(seconds=round(status.seconds_left))} of computing left")
    if status.state == "running":
        lines.append(f"{status.jobs_running} jobs run now; started by {status.owner}")
    if status.state == "stopped":
        lines.append(f"Go on with it: bcdl sweep resume {status.name}")
    return lines


def _trials(status: Status, varied: set[str]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    drawn = Table("trial", "state", *status.objectives, "jobs", "settings")
    shown = status.trials[-NEWEST:]
    if status.best is not None and status.best not in shown:
        shown = [status.best, *shown]
    for trial in shown:
        mark = " *" if status.best is not None and trial.number == status.best.number else ""
        values = (
            [f"{value:.4f}" for value in trial.values] if trial.values else ["-"] * len(status.objectives)
        )
        ended = sum(job.state in ("finished", "pruned", "failed") for job in trial.jobs)
        cells = (f"{ended}/{len(trial.jobs)}", escape(_settings(trial, varied)))
        drawn.add_row(f"{trial.number}{mark}", state_of(trial, 600.0), *values, *cells)
    if len(shown) < len(status.trials):
        drawn.caption = f"the newest {NEWEST} of {len(status.trials)} trials; * is the best"
    return drawn


def _settings(trial: Trial, varied: set[str]) -> str:
    texts = [text for text in trial.overrides if text.partition("=")[0].lstrip("+") in varied]
    text = " ".join(texts)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
