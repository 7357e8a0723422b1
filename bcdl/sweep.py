"""`bcdl sweep`: go on with a sweep where it stopped, or look how it stands."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from bcdl.errors import UserError
from bcdl.tracking.options import add_store_arguments

if TYPE_CHECKING:
    from bcdl.sweeps.ledger import Ledger

RESUME, STATUS = "resume", "status"
ACTIONS = (RESUME, STATUS)
LATEST = "latest"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `bcdl sweep`."""
    parser.add_argument("action", choices=ACTIONS, help="go on with a sweep, or show how it stands")
    parser.add_argument(
        "sweep", nargs="?", default=LATEST, help="its name, its parent run's id, or latest (default)"
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="override",
        help="for resume: what may change, such as sweep.n_trials=60",
    )
    parser.add_argument(
        "--fork", metavar="NAME", help="for resume: begin a new sweep from this one's definition"
    )
    parser.add_argument(
        "--storage", metavar="ADDRESS", help="the study storage, where sweep.storage named one"
    )
    add_store_arguments(parser)


def main(options: argparse.Namespace) -> None:
    """Go on with a sweep, or show how it stands."""
    ledger = _ledger(options)
    if options.action == STATUS:
        _show(ledger, options)
    else:
        _resume(ledger, options)


def _ledger(options: argparse.Namespace) -> "Ledger":
    """Return the ledger of the sweep that is meant."""
    from bcdl.sweeps.ledger import Ledger, known

    root = options.tracking_root.expanduser().absolute()
    names = known(root, options.storage)
    if not names:
        raise UserError(
            f"no sweep in {root} yet; begin one: bcdl train -m model=cnn,cnn_rnn. A sweep with "
            "another storage is found with --storage, one in another folder with --tracking-root"
        )
    name = options.sweep
    if name == LATEST:
        name = names[-1]
    elif name not in names:
        name = _by_parent(name, names, root, options.storage)
    return Ledger.open(name, root, options.storage)


def _by_parent(reference: str, names: list[str], root: Path, storage: str | None) -> str:
    """Return the name of the sweep whose parent run has an id that begins so, else the reference itself."""
    from bcdl.sweeps.ledger import Ledger

    if len(reference) < 4:
        return reference
    parents = {name: Ledger.open(name, root, storage).facts.get("parent") or "" for name in names}
    found = [name for name, parent in parents.items() if parent.startswith(reference)]
    return found[0] if len(found) == 1 else reference


def _show(ledger: "Ledger", options: argparse.Namespace) -> None:
    from rich.console import Console

    from bcdl.sweeps.status import status
    from bcdl.sweeps.watch import watch

    if options.overrides or options.fork:
        raise UserError("bcdl sweep status takes a sweep and no overrides; these go with bcdl sweep resume")
    watch(lambda: status(ledger), set(ledger.facts.get("varied", ())), Console(highlight=False))


def _resume(ledger: "Ledger", options: argparse.Namespace) -> None:
    from bcdl.jobs import run_verb

    command = ledger.facts.get("command")
    if command is None:
        raise UserError(
            f"the sweep '{ledger.name}' was killed before it had begun; give its command again, with "
            f"sweep.name={ledger.name}"
        )
    _enter(Path(command["folder"]))
    left = _kept(command["overrides"], options.overrides)
    named = [f"sweep.name='{options.fork or ledger.name}'", f"tracking.root='{ledger.root}'"]
    storage = [f"sweep.storage='{options.storage}'"] if options.storage else []
    folder = ["--config-dir", command["config_dir"]] if command["config_dir"] else []
    print(
        f"{'Fork of' if options.fork else 'Going on with'} sweep {ledger.name}: {' '.join(left)}", flush=True
    )
    run_verb("train", ["-m", *folder, *left, *options.overrides, *named, *storage])


def _kept(earlier: list[str], typed: list[str]) -> list[str]:
    """Return what stays of the overrides of a sweep where others are typed.

    With another launcher the settings of the earlier one go.
    """
    changed = {*map(_key, typed), "sweep.name", "tracking.root", "sweep.storage"}
    other = "hydra/launcher" in changed
    return [
        text
        for text in earlier
        if _key(text) not in changed and not (other and _key(text).startswith("hydra.launcher."))
    ]


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+")


def _enter(folder: Path) -> None:
    """Go where the sweep was begun: its relative paths start there."""
    if folder != Path.cwd():
        if not folder.is_dir():
            raise UserError(
                f"expected the folder {folder}, where this sweep was begun, found none; begin the "
                "sweep anew from here with another sweep.name"
            )
        print(f"In {folder}, where the sweep was begun", flush=True)
        os.chdir(folder)
