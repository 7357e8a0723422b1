"""Which store the files of a run or a sweep belong to, where several stores share a tracking root.

A run's lock holds the mark of its store. What has none, as under earlier versions, belongs to nobody known.
"""

import hashlib
import re
from pathlib import Path

from bcdl.tracking.database import sqlite_file
from bcdl.tracking.places import without_passwords
from bcdl.tracking.removal import LOCK

DATABASE, STUDY = "mlflow.db", "study.journal"  # in a root, in a sweep's folder
_RUN = re.compile(r'"(?:parent|run)": ?"([0-9a-f]{32})"')  # in a line of a study: the parent's or a job's
_SQLITE_FILE = b"SQLite format 3\0"


def mark_of(uri: str, root: Path) -> str:
    """Return the mark of a store: a hash of its address without password.

    That of the root's own SQLite file does not change when the root is moved.

    Args:
        uri: the store's address.
        root: the tracking root.
    """
    database = sqlite_file(uri)
    own = database is not None and database.resolve() == (root / DATABASE).resolve()
    address = DATABASE if own else without_passwords(uri).rstrip("/")
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def mark_on(folder: Path) -> str | None:
    """Return the mark on a run's working folder, None where it has none or cannot be read."""
    try:
        return (folder / LOCK).read_text() or None
    except (OSError, ValueError):
        return None


def runs_of(sweep: Path) -> set[str]:
    """Return the ids of the runs that a sweep's study names, where that is a file in its folder."""
    try:
        return set(_RUN.findall((sweep / STUDY).read_text(errors="replace")))
    except OSError:
        return set()


def shares_artifacts(root: Path) -> bool:
    """Return whether an SQLite file lies beside the root's own: `mlartifacts/` has its artifacts too."""
    return any(file.name != DATABASE and _may_be_database(file) for file in root.iterdir())


def _may_be_database(file: Path) -> bool:
    if not file.is_file():
        return False
    try:
        with file.open("rb") as opened:
            return opened.read(len(_SQLITE_FILE)) == _SQLITE_FILE
    except OSError:
        return True
