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
        RunError: if something could not be delivered.
    """
    from bcdl.errors import RunError
    from bcdl.tracking.leftovers import ALIVE, DELIVERED, deliver_leftovers, waiting
    from bcdl.tracking.reaching import connection

    root, uri = connection(options.tracking_root)
    chosen = _chosen(options.runs, [folder.name for folder in waiting(root / "runs")], root)
    if not chosen:
        print(f"Nothing waits to be delivered in {root}.")
        return
    deliveries = deliver_leftovers(_client(uri, chosen, root), root / "runs", chosen)
    for delivery in deliveries:
        print(_line(delivery))
    left = [each for each in deliveries if each.state not in (DELIVERED, ALIVE)]
    print(_summary(deliveries))
    if left:
        raise RunError(
            f"{_runs(len(left))} could not be delivered; nothing is lost, try bcdl sync again later"
        )


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
    sent = ", ".join(f"{count} {NOUNS[kind][count > 1]}" for kind, count in delivery.counts.items())
    told = {
        "delivered": f"delivered {sent or 'its end'}; it is {delivery.status or 'as it was'}",
        "alive": "alive: its own process delivers",
        "unknown": "not in this store, or deleted there: name its own, or remove its folder",
        "waiting": f"still waiting ({delivery.error})",
    }
    refused = f"; what MLflow refuses for good lies in {delivery.rejected}" if delivery.rejected else ""
    return f"{run}: {told[delivery.state]}{refused}"


def _summary(deliveries: Sequence["Delivery"]) -> str:
    states = Counter(delivery.state for delivery in deliveries)
    return f"{_runs(len(deliveries))}: " + ", ".join(f"{count} {state}" for state, count in states.items())


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
