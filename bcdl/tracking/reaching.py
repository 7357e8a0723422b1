"""Reaching a store: its address, its settings, its first answer, and what to say where there is none."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from bcdl.errors import UserError, nearest
from bcdl.tracking.database import SQLITE, ensure_database, sqlite_file, with_driver
from bcdl.tracking.options import default_root
from bcdl.tracking.outage import headline, passes
from bcdl.tracking.places import without_passwords

URI_VARIABLE = "MLFLOW_TRACKING_URI"
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
SERVER_SETTINGS = {  # MLflow's own would try for minutes; the courier sends again
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def connection(root: Path | str | None) -> tuple[Path, str]:
    """Return the tracking root and the URI of its store, and set how MLflow talks to a server."""
    folder = Path(root or default_root()).expanduser().absolute()
    for name, value in SERVER_SETTINGS.items():
        os.environ.setdefault(name, value)
    return folder, tracking_uri(folder)


def connect(uri: str) -> MlflowClient:
    """Return MLflow's client of a store that exists, after one look at it.

    Raises:
        UserError: if it is missing or does not answer.
    """
    require(uri)
    with explained(uri):
        _prepare(uri)
        client = MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)
    return client


def tracking_uri(root: Path) -> str:
    """Return the URI of the store: `$MLFLOW_TRACKING_URI` where set, or the SQLite file in `root`."""
    uri = os.environ.get(URI_VARIABLE) or f"{SQLITE}{root / 'mlflow.db'}"
    database = sqlite_file(uri)
    return f"{SQLITE}{database}" if database else with_driver(uri)


def enter(uri: str, experiment: str, create: bool) -> str:
    """Return the id of an experiment, after making the store and the experiment where they are missing."""
    _prepare(uri)
    return _experiment_id(MlflowClient(tracking_uri=uri), uri, experiment, create)


def _prepare(uri: str) -> None:
    database = sqlite_file(uri)
    if database:
        ensure_database(database)
        if not os.access(database, os.W_OK):
            raise PermissionError(f"no permission to write {database}")
    else:
        _knock(uri)


def _knock(uri: str) -> None:
    """Connect once to a database server: MLflow itself would retry a closed port for many minutes."""
    parts = urlsplit(uri)
    port = parts.port or DATABASE_PORTS.get(parts.scheme.partition("+")[0])
    if parts.hostname and port and not parts.scheme.startswith("http"):
        socket.create_connection((parts.hostname, port), timeout=5).close()


def _experiment_id(client: MlflowClient, uri: str, name: str, create: bool) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is None and create:
        try:
            return str(client.create_experiment(name, artifact_location=_artifact_location(uri)))
        except MlflowException as error:
            if passes(error):
                raise
            experiment = client.get_experiment_by_name(name)  # another process was faster
    if experiment is None:
        names = [each.name for each in client.search_experiments()]
        raise UserError(
            f"no MLflow experiment '{name}' in this store.{nearest(name, names)} It has: {', '.join(names)}"
        )
    return str(experiment.experiment_id)


def _artifact_location(uri: str) -> str | None:
    database = sqlite_file(uri)
    return str(database.with_name("mlartifacts")) if database else None


def require(uri: str) -> None:
    """Raise a UserError where the store is an SQLite file that is missing."""
    database = sqlite_file(uri)
    if database and not database.exists():
        raise UserError(
            f"expected a tracking store at {database}, found none; train a run first with `bcdl train`, "
            "or name the folder of another store with --tracking-root"
        )


def require_writable(root: Path) -> None:
    """Make the tracking root; raise a UserError where nothing can be written there."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        raise UserError(
            f"the tracking root {root} cannot be written ({error.strerror}); "
            "set tracking.root (or BCDL_TRACKING_ROOT) to a folder that you may write"
        ) from error


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn whatever a store raises while it is opened into one UserError."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"the tracking store {without_passwords(uri)} cannot be opened ({headline(error)}); "
            f"start its server or correct {URI_VARIABLE}, or unset that to track under tracking.root"
        ) from error
