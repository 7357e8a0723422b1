"""Where a sweep's study is kept.

A journal file in the tracking root, or any storage of Optuna's by its address.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bcdl.errors import UserError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

VARIABLE = "BCDL_SWEEP_STORAGE"
FILE = "study.journal"
NOTE = "command.txt"
SWEEPS = "sweeps"
PORTS = {"postgresql": 5432, "mysql": 3306}
SQLITE_WAIT = 60  # seconds that a writer waits for another one


def sweep_folder(root: Path, name: str) -> Path:
    """Return the folder of a sweep: its study, where that is a file, and its jobs' logs."""
    return root / SWEEPS / name


def open_storage(address: str | None, root: Path, name: str) -> "BaseStorage":
    """Return the storage of a sweep, created where it is missing.

    Args:
        address: an SQLAlchemy address; None takes `$BCDL_SWEEP_STORAGE`, else the journal file of the sweep.
        root: the tracking root.
        name: the sweep's name.

    Raises:
        UserError: it cannot be reached, read or written, lacks its driver, or a newer Optuna wrote it.
    """
    from bcdl.sweeps.sampling import silence_optuna

    silence_optuna()
    address = address or os.environ.get(VARIABLE)
    shown = _without_password(address) if address else str(sweep_folder(root, name) / FILE)
    with _explained(shown):
        return _database(address) if address else _journal(sweep_folder(root, name) / FILE)


def _journal(file: Path) -> "BaseStorage":
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        _opened_journal.cache_clear()  # a new file may have the number of one that was deleted
        file.touch()
    return _opened_journal(file, file.stat().st_ino)


@lru_cache(maxsize=4)
def _opened_journal(file: Path, inode: int) -> "BaseStorage":
    """Open a journal file once in a process: every opening reads all of it, long after many trials."""
    from optuna.storages import JournalStorage

    from bcdl.sweeps.whole_lines import WholeLines

    return JournalStorage(WholeLines(str(file)))


def _database(address: str) -> "BaseStorage":
    from optuna.storages import RDBStorage

    from bcdl.tracking.database import with_driver

    parts = urlsplit(address)
    scheme = parts.scheme.partition("+")[0]
    if parts.hostname and scheme in PORTS:  # a closed port is told at once
        socket.create_connection((parts.hostname, parts.port or PORTS[scheme]), timeout=5).close()
    options: dict[str, Any] = {"pool_pre_ping": True}
    if scheme == "sqlite":
        options = {"connect_args": {"timeout": SQLITE_WAIT}}
    return RDBStorage(with_driver(address), engine_kwargs=options)


@contextmanager
def _explained(shown: str) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except ImportError as error:
        raise UserError(
            f"the study storage {shown} needs a driver that is not installed ({error}). For PostgreSQL: "
            "pip install 'bcdl[postgresql]'"
        ) from error
    except Exception as error:  # whatever a database, its driver or a damaged file can raise
        reason = str(error).strip().splitlines()[0][:300] if str(error).strip() else ""
        raise UserError(
            f"the study storage {shown} cannot be opened ({type(error).__name__}: {reason}). "
            f"{_remedy(error, reason)}"
        ) from error


def _remedy(error: Exception, reason: str) -> str:
    if (
        isinstance(error, AssertionError) or "version" in reason or "revision" in reason
    ):  # what Optuna says then
        return (
            "If a newer Optuna wrote it, install that one (pip install -U optuna); the trials in it are safe"
        )
    return (
        f"Start its server or correct sweep.storage (or {VARIABLE}); without both the study is a file in "
        "tracking.root"
    )


def _without_password(address: str) -> str:
    password = urlsplit(address).password
    return address.replace(f":{password}@", ":***@") if password else address
