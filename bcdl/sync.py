"""`bcdl sync`: delivers what runs could not, while their tracking store was away."""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bcdl.tracking.options import add_root_argument

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from bcdl.tracking.leftovers import Delivery

SHORTEST = 4  # characters of a run's id
UNKNOWN_HERE = (
    "not in this store, or deleted there; name its own in MLFLOW_TRACKING_URI, restore it in MLflow, or "
    "remove its folder with bcdl gc --deleted (by hand what that leaves alone)"
)
NOUNS = {
    "metrics": ("metric", "metrics"),
    "params": ("parameter", "parameters"),
    "tags": ("tag", "tags"),
    "artifact": ("artifact", "artifacts"),
    "input": ("data set", "data sets"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `bcdl sync`."""
    parser.add_argument(
        "runs", nargs="*", metavar="RUN", help="run id, or 4 or more leading characters of it (default: all)"
    )
    add_root_argument(parser)


def main(options: argparse.Namespace) -> None:
    """Deliver the journals that ended processes left in the store's root, and say what became of each.

    Raises:
        UserError: if a run is named of which nothing waits.
        RunError: if something could not be delivered, or was refused for good.
    """
    from bcdl.errors import RunError
    from bcdl.tracking.leftovers import deliver_leftovers, waiting
    from bcdl.tracking.reaching import connection

    root, uri = connection(options.tracking_root)
    chosen = _chosen(options.runs, [folder.name for folder in waiting(root / "runs")], root)
    if not chosen:
        print(f"Nothing waits to be delivered in {root}.")
        return
    deliveries = deliver_leftovers(_client(uri, chosen, root), root / "runs", chosen)
    for delivery in deliveries:
        print(_line(delivery))
    print(_summary(deliveries))
    if failures := _failures(deliveries):
        raise RunError(". ".join(failures))


def _failures(deliveries: Sequence["Delivery"]) -> list[str]:
    """Return what could not be delivered and what to do about it, a sentence a reason."""
    from bcdl.tracking.leftovers import UNKNOWN, WAITING

    told = {
        "could not be delivered; nothing is lost, try bcdl sync again later": _in_state(deliveries, WAITING),
        UNKNOWN_HERE: _in_state(deliveries, UNKNOWN),
        "had something refused for good by MLflow; it is kept in rejected.jsonl of the run's folder": sum(
            bool(each.refused) for each in deliveries
        ),
    }
    return [f"{_runs(count)} {text}" for text, count in told.items() if count]


def _in_state(deliveries: Sequence["Delivery"], state: str) -> int:
    return sum(each.state == state for each in deliveries)


def _client(uri: str, chosen: Sequence[str], root: Path) -> "MlflowClient":
    from bcdl.errors import RunError, UserError
    from bcdl.tracking.reaching import connect

    try:
        return connect(uri)
    except UserError as error:
        waits = f"{_runs(len(chosen))} {'waits' if len(chosen) == 1 else 'wait'} in {root}; nothing is lost"
        raise RunError(f"{error}. {waits}") from error


def _chosen(references: Sequence[str], names: Sequence[str], root: Path) -> list[str]:
    """Return the ids that begin with the references; all without references."""
    from bcdl.errors import UserError

    if not references:
        return list(names)
    chosen: list[str] = []
    for reference in references:
        found = [name for name in names if name.startswith(reference) and len(reference) >= SHORTEST]
        if not found:
            listing = ", ".join(name[:8] for name in names) or "none"
            raise UserError(
                f"expected the id of a run that keeps something in {root}, or {SHORTEST} or more leading "
                f"characters of one, found '{reference}'. Such runs: {listing}"
            )
        chosen += found
    return chosen


def _line(delivery: "Delivery") -> str:
    run = f"{delivery.name or 'run'} ({delivery.run[:8]})"
    sent = _things(delivery.counts)
    told = {
        "delivered": f"delivered {sent or 'its end'}; it is {delivery.status or 'as it was'}",
        "alive": "alive: its own process delivers",
        "unknown": "not in this store, or deleted there",
        "waiting": f"still waiting ({delivery.error})",
    }
    refused = f"; refused {_things(delivery.refused)}" if delivery.refused else ""
    kept = f"; what MLflow refuses for good lies in {delivery.rejected}" if delivery.rejected else ""
    return f"{run}: {told[delivery.state]}{refused}{kept}"


def _things(counts: "Counter[str]") -> str:
    return ", ".join(f"{count} {NOUNS[kind][count > 1]}" for kind, count in counts.items())


def _summary(deliveries: Sequence["Delivery"]) -> str:
    states = Counter(delivery.state for delivery in deliveries)
    states["refused in part"] = sum(bool(delivery.refused) for delivery in deliveries)
    told = ", ".join(f"{count} {state}" for state, count in states.items() if count)
    return f"{_runs(len(deliveries))}: {told}"


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
