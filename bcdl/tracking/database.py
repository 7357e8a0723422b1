"""Databases by their addresses, and the embedded SQLite store, created once, whoever comes first."""

import fcntl
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow import MlflowClient

SQLITE = "sqlite:///"


def sqlite_file(uri: str) -> Path | None:
    """Return the absolute path of an SQLite URI's file, None for every other kind of store."""
    return Path(uri.removeprefix(SQLITE)).absolute() if uri.startswith(SQLITE) else None


def with_driver(address: str) -> str:
    """Return a database's address with the driver of the extra `postgresql` where it names none.

    SQLAlchemy 2.1 takes psycopg for `postgresql://`, earlier ones psycopg2.

    Example:
        >>> with_driver("sqlite:///study.db")
        'sqlite:///study.db'
    """
    scheme, mark, rest = address.partition("://")
    return f"postgresql+psycopg2{mark}{rest}" if scheme in ("postgresql", "postgres") else address


def ensure_database(database: Path) -> None:
    """Create the MLflow schema in `database` unless it is there.

    Processes that come at once wait for the first. The schema (about 7 s) is made in a file beside it and
    renamed, so that an interrupted creation leaves nothing half made.
    """
    if database.exists():
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with _exclusive(database.with_name(f".{database.name}.lock")):
        if not database.exists():
            print(
                f"Creating the tracking store {database} (once, about 7 s) ...", file=sys.stderr, flush=True
            )
            _create(database)


def _create(database: Path) -> None:
    unfinished = database.with_name(f".{database.name}.new")
    unfinished.unlink(missing_ok=True)
    with _quiet("mlflow.store.db.utils"), _quiet("alembic"):
        MlflowClient(tracking_uri=f"{SQLITE}{unfinished}").search_experiments(max_results=1)
    unfinished.replace(database)


@contextmanager
def _exclusive(lock: Path) -> Iterator[None]:
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _quiet(logger_name: str) -> Iterator[None]:
    logger = logging.getLogger(logger_name)
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
