"""Journals that ended processes left behind: which there are, and their delivery."""

import logging
import os
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from mlflow import MlflowClient

from bcdl.errors import UserError
from bcdl.tracking.courier import REJECTED, deliver, next_batch
from bcdl.tracking.journal import FILE, Entry, Journal
from bcdl.tracking.lookup import find
from bcdl.tracking.outage import headline, passes
from bcdl.tracking.tags import ERROR_TAG

log = logging.getLogger(__name__)
DELIVERED, ALIVE, UNKNOWN, WAITING = "delivered", "alive", "unknown", "waiting"


@dataclass(frozen=True)
class Delivery:
    """What became of one run's journal.

    Attributes:
        run: id of the run.
        state: `delivered`; `alive`, since a living process writes it; `unknown` to the store, or deleted
            there; or `waiting`, since it could not be read or sent.
        name: name of the run, where the store was asked.
        counts: what was delivered: how many metrics, params, tags, artifacts, inputs.
        status: the run's status, where that was delivered.
        refused: what the store has refused for good just now, by kind as in `counts`.
        rejected: file of what the store has refused for good, if any.
        error: why it waits.
    """

    run: str
    state: str
    name: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    status: str | None = None
    refused: Counter[str] = field(default_factory=Counter)
    rejected: Path | None = None
    error: str | None = None


def waiting(runs: Path) -> list[Path]:
    """Return the folders of runs with a journal: of living processes, and what ended ones left."""
    return [folder for folder in sorted(runs.glob("*")) if os.access(folder / FILE, os.F_OK)]


def deliver_leftovers(
    client: MlflowClient, runs: Path, only: Collection[str] | None = None
) -> list[Delivery]:
    """Deliver the journals of ended processes once; a run that died without a status is KILLED.

    Journals that a living process holds and those of another store are left alone. One that cannot be read,
    as that of another user, does not block the others. Where the store is away, it is asked once, not for
    every journal.

    Args:
        client: client of the store, one that does not wait by itself.
        runs: folder of the runs' folders.
        only: only these run ids; None for all.
    """
    deliveries: list[Delivery] = []
    away: str | None = None
    for folder in waiting(runs):
        if only is None or folder.name in only:
            delivery, passing = _deliver_folder(client, folder, away)
            away = delivery.error if passing else away
            deliveries.append(delivery)
    return deliveries


def end_run(client: MlflowClient, folder: Path, status: str, error: str | None = None) -> Delivery:
    """End the run of a dead process, behind what its journal still holds; what fails stays in the journal.

    Args:
        client: client of the store.
        folder: working folder of the run, called as its id.
        status: FAILED or KILLED.
        error: why it failed, in one line.

    Raises:
        UserError: if a living process writes the run.
    """
    journal = Journal(folder)
    if error is not None:
        journal.append("tags", values={ERROR_TAG: error})
    journal.append("status", status=status, end=None)
    return _deliver_journal(client, journal, None)[0]


def _deliver_folder(client: MlflowClient, folder: Path, away: str | None) -> tuple[Delivery, bool]:
    try:
        journal = Journal(folder, leftover=True)
    except (UserError, FileNotFoundError):  # its run is alive, or has just ended by itself
        return Delivery(folder.name, ALIVE), False
    except (OSError, ValueError) as error:  # of another user, or on a disk in trouble
        return Delivery(folder.name, WAITING, error=headline(error)), False
    try:
        return _deliver_journal(client, journal, away)
    except OSError as error:  # it was delivered, and cannot be removed
        return Delivery(folder.name, WAITING, error=headline(error)), False


def _deliver_journal(client: MlflowClient, journal: Journal, away: str | None) -> tuple[Delivery, bool]:
    """Deliver a journal and close it; also return whether the store is away."""
    run_id, name, sent, refused = journal.folder.name, "", list[Entry](), list[Entry]()
    try:
        if away is not None:
            return Delivery(run_id, WAITING, error=away), True
        run = find(client, run_id)
        if run is None:
            return Delivery(run_id, UNKNOWN), False
        name = run.info.run_name
        _deliver_all(client, journal, sent, refused)
    except Exception as error:  # whatever a client, a network or a disk can raise
        reason = headline(error)
        log.warning("What run %s could not deliver stays in its journal for now: %s", run_id, reason)
        return _told(journal, WAITING, name, sent, refused, reason), passes(error)
    finally:
        journal.close()
    return _told(journal, DELIVERED, name, sent, refused), False


def _deliver_all(client: MlflowClient, journal: Journal, sent: list[Entry], refused: list[Entry]) -> None:
    if not journal.ended:
        journal.append("status", status="KILLED", end=journal.last_sign)
    while entries := journal.pending():
        batch = next_batch(entries)
        left = deliver(client, journal.folder.name, journal.folder, batch)
        journal.advance(batch)
        refused.extend(left)
        sent.extend(entry for entry in batch if entry not in left)


def _told(
    journal: Journal,
    state: str,
    name: str,
    sent: list[Entry],
    refused: list[Entry],
    error: str | None = None,
) -> Delivery:
    statuses = [str(entry.content["status"]) for entry in sent if entry.kind == "status"]
    rejected = journal.folder / REJECTED
    return Delivery(
        *(journal.folder.name, state, name, _counted(sent), statuses[-1] if statuses else None),
        *(_counted(refused), rejected if rejected.exists() else None, error),
    )


def _counted(entries: list[Entry]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for entry in entries:
        if entry.kind != "status":
            counts[entry.kind] += len(entry.content.get("values", "1"))
    return counts
