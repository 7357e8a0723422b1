"""Opens the ledger a sweep is to work on: a new one, or that of the same sweep, which goes on."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bcdl.errors import UserError
from bcdl.sweeps.definition import difference
from bcdl.sweeps.ledger import Ledger, find
from bcdl.sweeps.process import Worker
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.storage import NOTE, sweep_folder
from bcdl.tracking.places import masked


@dataclass(frozen=True)
class Command:
    """How a sweep was asked for, so that it can be asked for again.

    Attributes:
        overrides: as typed, Hydra's own included.
        config_dir: the user's folder of config groups, if any.
        folder: the working directory, where relative paths begin.
    """

    overrides: list[str]
    config_dir: str | None
    folder: str

    def facts(self) -> dict[str, Any]:
        """Return what JSON can hold of it."""
        return {"overrides": self.overrides, "config_dir": self.config_dir, "folder": self.folder}


def open_sweep(
    name: str, root: Path, settings: Settings, definition: dict[str, Any], command: Command
) -> Ledger:
    """Return the ledger of a sweep in the hands of this process.

    Args:
        name: the sweep's name.
        root: the tracking root.
        settings: its settings.
        definition: what identifies it.
        command: how it was asked for.

    Raises:
        UserError: the name belongs to another sweep, or a living process works on this one.
    """
    if find(name, root, settings.storage) is None:
        ledger = Ledger.create(name, root, settings.storage, settings.directions)
        _leave_note(sweep_folder(root, name), command)
    else:
        ledger = Ledger.open(name, root, settings.storage)
        _require_free(ledger, settings.stale_after)
        _require_same(ledger, definition)
    ledger.note(definition=definition, command=command.facts(), fatal=None)
    ledger.note(ended=False, owner=Worker.here().facts())
    return ledger


def beat(ledger: Ledger) -> None:
    """Say that this process still works on a sweep."""
    ledger.note(owner=Worker.here().facts())


def owner(ledger: Ledger) -> Worker | None:
    """Return the process that works on a sweep, or was the last to."""
    facts = ledger.facts.get("owner")
    return Worker.of(facts) if facts else None


def _leave_note(folder: Path, command: Command) -> None:
    """Write the command into the sweep's folder, once: its age tells which sweep is the latest."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["bcdl", "train", "-m", *masked(command.overrides)]
    (folder / NOTE).write_text(f"{shlex.join(words)}\n", encoding="utf-8")


def _require_free(ledger: Ledger, stale_after: float) -> None:
    worker = None if ledger.facts.get("ended") else owner(ledger)
    if worker is not None and worker.alive(stale_after) and not worker.is_here():
        raise UserError(
            f"the sweep '{ledger.name}' is being run by {worker}; wait until that has ended, end it, or "
            "give this one another sweep.name"
        )


def _require_same(ledger: Ledger, definition: dict[str, Any]) -> None:
    known = ledger.facts.get("definition")
    lines = difference(known, definition) if known else []
    if lines:
        changes = "\n".join(f"  {line}" for line in lines)
        raise UserError(
            f"the sweep '{ledger.name}' exists with another definition:\n{changes}\n"
            f"Go on with it as it is: bcdl sweep resume {ledger.name}. For the changed one give another "
            f"sweep.name, or: bcdl sweep resume {ledger.name} --fork NEW_NAME <the changes>"
        )
