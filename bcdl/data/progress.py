"""Progress of long work on the data: a live bar in a terminal; elsewhere one line when it took long."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

BYTES = "bytes"
_LONG = 5.0  # seconds from which the work is worth a line that stays


class _Rate(ProgressColumn):
    """Items a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:.0f}/s", style="progress.data.speed")


@contextmanager
def progress(title: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
    """Show on stderr how far the work within the `with` block is.

    Args:
        title: What is being done.
        total: How many items there are, if known.
        unit: What is counted, such as `images`, or `BYTES`.

    Yields:
        A function that adds a number of finished items.
    """
    console = Console(stderr=True)
    bar = Progress(*_columns(unit), console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(title, total=total)
    start = time.monotonic()
    with bar:
        yield lambda items: bar.advance(task, items)
    elapsed = time.monotonic() - start
    if elapsed > _LONG:
        console.print(_summary(title, int(bar.tasks[0].completed), unit, elapsed), highlight=False)


def _columns(unit: str) -> list[ProgressColumn]:
    counts: list[ProgressColumn] = [DownloadColumn(), TransferSpeedColumn()]
    if unit != BYTES:
        counts = [MofNCompleteColumn(), TextColumn(unit), _Rate()]
    return [TextColumn("{task.description}"), BarColumn(), *counts, TimeRemainingColumn()]


def _summary(title: str, items: int, unit: str, seconds: float) -> str:
    done, label, rate = (
        (items / 1e6, "MB", items / 1e6 / seconds) if unit == BYTES else (items, unit, items / seconds)
    )
    return f"{title}: {done:,.0f} {label} in {seconds:.0f} s ({rate:,.1f} {label} a second)"
