"""`bcdl gc`: shows what lies in the tracking root and no run needs, and removes it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bcdl.errors import RunError, UserError, nearest
from bcdl.tracking.options import add_root_argument

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from rich.console import Console
    from rich.table import Table

    from bcdl.tracking.litter import Survey
    from bcdl.tracking.litter_kinds import Item, Kind

SHOWN = 3  # largest of a kind that are named
DAY = 86_400.0  # seconds
UNITS = ("B", "kB", "MB", "GB", "TB")
KEPT = {
    "alive": "being written now",
    "undelivered": "not all delivered yet (run `bcdl sync`)",
    "sweep": "since their sweep is not FINISHED and may be resumed",
    "foreign": "unknown here and perhaps of another store (MLFLOW_TRACKING_URI names one)",
    "registered": "since a registered model version needs them",
    "young": "too young (without a final status, an hour; see also --older-than)",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `bcdl gc`."""
    parser.add_argument("--yes", action="store_true", help="remove without asking")
    parser.add_argument(
        "--older-than",
        type=float,
        default=0.0,
        metavar="DAYS",
        help="only what belongs to runs that ended so long ago (default: %(default)g)",
    )
    parser.add_argument(
        "--deleted",
        action="store_true",
        help="also files of runs that are deleted in MLflow, which can restore them",
    )
    parser.add_argument(
        "--last-checkpoints",
        action="store_true",
        help="also last checkpoints of FINISHED runs, which resume= needs",
    )
    add_root_argument(parser)
    parser.add_argument(
        "--experiment", metavar="NAME", help="only what belongs to runs of this experiment (default: all)"
    )


def main(options: argparse.Namespace) -> None:
    """Show what no run needs, ask, and remove it.

    Raises:
        UserError: there is no store, or no such experiment in it.
        RunError: something could not be removed.
    """
    from rich.console import Console

    from bcdl.tracking.reaching import connect, connection

    if not options.older_than >= 0:
        raise UserError(f"expected --older-than to be days of 0 or more, found {options.older_than:g}")
    root, uri = connection(options.tracking_root)
    client, console = connect(uri), Console(highlight=False)
    found = _look(client, uri, root, options)
    items = _chosen(found, options)
    _show(found, items, root, uri, console)
    if not items:
        return
    if not options.yes:
        if not _agreed(console):
            return
        still = {
            item.path for item in _look(client, uri, root, options).items
        }  # a person may take their time
        items = [item for item in items if item.path in still]
    _remove_all(items, root, console)


def _look(client: "MlflowClient", uri: str, root: Path, options: argparse.Namespace) -> "Survey":
    from bcdl.tracking.litter import survey

    experiment = _experiment_id(client, options.experiment) if options.experiment else None
    return survey(client, uri, root, older_than=options.older_than * DAY, experiment=experiment)


def _experiment_id(client: "MlflowClient", name: str) -> str:
    from bcdl.tracking.lookup import every_experiment

    experiments = {each.name: each.experiment_id for each in every_experiment(client)}
    if name not in experiments:
        hint = nearest(name, experiments)
        raise UserError(
            f"no MLflow experiment '{name}' in this store.{hint} It has: {', '.join(experiments)}"
        )
    return str(experiments[name])


def _chosen(found: "Survey", options: argparse.Namespace) -> "list[Item]":
    flags = {"--deleted": options.deleted, "--last-checkpoints": options.last_checkpoints, None: True}
    return [item for item in found.items if flags[item.kind.flag]]


def _show(found: "Survey", items: "Sequence[Item]", root: Path, uri: str, console: "Console") -> None:
    from bcdl.tracking.places import without_passwords

    if items:
        console.print(_table(items, root), soft_wrap=False)
    else:
        console.print(f"Nothing to remove in {root}.", soft_wrap=True)
    left = [item for item in found.items if item not in items]
    for flag in sorted({str(item.kind.flag) for item in left}):
        more = [item for item in left if item.kind.flag == flag]
        console.print(f"With {flag} also {more[0].kind.name}: {_total(more)}", soft_wrap=True)
    for reason, count in sorted(found.kept.items()):
        if count:
            console.print(f"Left alone, {KEPT[reason]}: {count}", soft_wrap=True)
    if found.stranger:
        console.print(
            f"Left alone: {found.stranger} runs and sweeps, which the store {without_passwords(uri)} does "
            "not know. Is it the one they were tracked in? MLFLOW_TRACKING_URI names another",
            soft_wrap=True,
        )


def _table(items: "Sequence[Item]", root: Path) -> "Table":
    from rich.table import Table

    from bcdl.tracking.litter_kinds import KINDS

    table = Table(title=f"No run needs these, in {root}", title_justify="left", show_footer=True)
    table.add_column("what", overflow="fold", footer=_count(len(items)))
    table.add_column(
        "size", justify="right", no_wrap=True, footer=size_text(sum(item.size for item in items))
    )
    for kind in KINDS:
        chosen = [item for item in items if item.kind == kind]
        if chosen:
            _add_kind(table, kind, chosen, root)
    return table


def _add_kind(table: "Table", kind: "Kind", items: "Sequence[Item]", root: Path) -> None:
    from rich.markup import escape

    title = f"[bold]{len(items)} {kind.name}[/bold]: {kind.reason}"
    table.add_row(title, f"[bold]{size_text(sum(item.size for item in items))}[/bold]")
    largest = sorted(items, key=lambda item: item.size, reverse=True)
    for item in largest[:SHOWN]:
        table.add_row(f"  {escape(str(item.path.relative_to(root)))}", size_text(item.size))
    if len(items) > SHOWN:
        rest = largest[SHOWN:]
        table.add_row(f"  and {len(rest)} more", size_text(sum(item.size for item in rest)))
    table.add_section()


def _agreed(console: "Console") -> bool:
    if not sys.stdin.isatty():
        console.print(
            "Nothing was removed: there is no terminal to ask on. Add --yes to remove these.", soft_wrap=True
        )
        return False
    try:
        agreed = input("Remove these? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        agreed = False
    if not agreed:
        console.print("Nothing was removed.")
    return agreed


def _remove_all(items: "Sequence[Item]", root: Path, console: "Console") -> None:
    from bcdl.tracking.removal import measure, remove

    freed, failed = 0, 0
    for item in items:
        try:
            remove(item.path, root, item.working)
        except OSError as error:
            failed += 1
            left = measure(item.path)[0]
            print(f"not removed: {item.path.relative_to(root)} ({error})", file=sys.stderr)
        else:
            left = 0
        freed += max(0, item.size - left)
    console.print(f"Removed {_count(len(items) - failed)}, freed {size_text(freed)}.", soft_wrap=True)
    if failed:
        raise RunError(f"{_count(failed)} could not be removed, for the reasons above; the rest is gone")


def _total(items: "Sequence[Item]") -> str:
    return f"{_count(len(items))}, {size_text(sum(item.size for item in items))}"


def _count(count: int) -> str:
    return f"{count} item" if count == 1 else f"{count} items"


def size_text(size: float) -> str:
    """Return a size in bytes as a person reads it.

    Example:
        >>> size_text(1_234_567)
        '1.2 MB'
    """
    for unit in UNITS[:-1]:
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} {UNITS[-1]}"
