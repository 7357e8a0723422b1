"""The MLflow store of a study: an SQLite file in the tracking root, or whatever MLFLOW_TRACKING_URI names.

Opening it is the check that tracking works: what cannot be written or reached is an error before training.
"""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from bcdl.errors import UserError, nearest
from bcdl.tracking.courier import deliver_leftovers
from bcdl.tracking.database import SQLITE, ensure_database, sqlite_file
from bcdl.tracking.lookup import KIND_TAG, PARENT_TAG, has_tag, resolve, runs_table, search
from bcdl.tracking.options import DEFAULT_EXPERIMENT, default_root

URI_VARIABLE = "MLFLOW_TRACKING_URI"
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
SERVER_SETTINGS = {  # MLflow's own would try for minutes; the courier sends again
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


@dataclass(frozen=True)
class TrackingStore:
    """An open store and the experiment in it that runs belong to.

    Attributes:
        root: folder of the store's files and of every run's local working folder.
        uri: MLflow tracking URI.
        experiment: name of the MLflow experiment.
        experiment_id: its id in the store.
        client: MLflow's client of the store.
    """

    root: Path
    uri: str
    experiment: str
    experiment_id: str
    client: MlflowClient

    @classmethod
    def open(
        cls, root: Path | str | None = None, experiment: str = DEFAULT_EXPERIMENT, *, create: bool = True
    ) -> Self:
        """Open the store, create it where it is missing, and deliver what earlier runs could not.

        Args:
            root: folder of the SQLite file and the artifacts; None takes `$BCDL_TRACKING_ROOT` or `runs`.
            experiment: name of the MLflow experiment.
            create: False refuses to create a missing store or experiment, for verbs that only read.

        Raises:
            UserError: if the store cannot be written or reached, or is missing and `create` is False.
        """
        folder = Path(root or default_root()).expanduser().absolute()
        uri = tracking_uri(folder)
        for name, value in SERVER_SETTINGS.items():
            os.environ.setdefault(name, value)
        if not create:
            _require(uri)
        _require_writable(folder)
        with _explained(uri):
            _prepare(uri)
            client = MlflowClient(tracking_uri=uri)
            experiment_id = _experiment_id(client, uri, experiment, create)
            store = cls(folder, uri, experiment, experiment_id, client)
            store.deliver_leftovers()
        return store

    def deliver_leftovers(self) -> None:
        """Deliver what ended processes left in their runs' journals; a run without a status is KILLED."""
        deliver_leftovers(self.client, self.root / "runs")

    def folder(self, run_id: str) -> Path:
        """Return the local working folder of a run: its journal and its checkpoints while it trains."""
        return self.root / "runs" / run_id

    def resolve(self, reference: str, kind: str = "train") -> str:
        """Return the id of a run given by id, by 4 or more leading characters of it, by name, or as `latest`.

        Raises:
            UserError: if no run or more than one run matches.
        """
        return resolve(self.client, self.experiment_id, reference, kind)

    def runs(
        self, *, parent: str | None = None, kind: str | None = "train", limit: int | None = None
    ) -> pd.DataFrame:
        """Return runs as a table, newest first; see `bcdl.tracking.lookup.runs_table` for its columns.

        Args:
            parent: only the children of this run.
            kind: only runs of this kind (`train`, `evaluate`, `sweep`); None for all.
            limit: at most so many, the newest.
        """
        wanted = [has_tag(key, value) for key, value in ((PARENT_TAG, parent), (KIND_TAG, kind)) if value]
        return runs_table(search(self.client, self.experiment_id, " and ".join(wanted), limit))

    def status(self, run_id: str) -> str:
        """Return the MLflow status of a run."""
        return str(self.client.get_run(run_id).info.status)

    def metrics(self, run_id: str) -> dict[str, float]:
        """Return the last value of each metric of a run."""
        return dict(self.client.get_run(run_id).data.metrics)

    def has_artifact(self, run_id: str, artifact: str) -> bool:
        """Return whether a run has an artifact of this path."""
        folder = artifact.rpartition("/")[0] or None
        return any(item.path == artifact for item in self.client.list_artifacts(run_id, folder))

    def download(self, run_id: str, artifact: str) -> Path:
        """Return a local path of a run's artifact: the file itself where the store is local.

        Raises:
            UserError: if the run has no such artifact.
        """
        location = str(self.client.get_run(run_id).info.artifact_uri)
        if "://" not in location and (Path(location) / artifact).exists():
            return Path(location) / artifact
        folder = self.folder(run_id) / "downloads"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return Path(self.client.download_artifacts(run_id, artifact, str(folder)))
        except (MlflowException, OSError) as error:
            names = ", ".join(item.path for item in self.client.list_artifacts(run_id))
            raise UserError(
                f"run {run_id} has no artifact '{artifact}'; it has: {names or 'none'}"
            ) from error


def tracking_uri(root: Path) -> str:
    """Return the URI of the store: `$MLFLOW_TRACKING_URI` where set, or the SQLite file in `root`."""
    uri = os.environ.get(URI_VARIABLE) or f"{SQLITE}{root / 'mlflow.db'}"
    database = sqlite_file(uri)
    return f"{SQLITE}{database}" if database else uri


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
        except MlflowException:  # another process was faster
            experiment = client.get_experiment_by_name(name)
    if experiment is None:
        names = [each.name for each in client.search_experiments()]
        raise UserError(
            f"no MLflow experiment '{name}' in this store.{nearest(name, names)} It has: {', '.join(names)}"
        )
    return str(experiment.experiment_id)


def _artifact_location(uri: str) -> str | None:
    database = sqlite_file(uri)
    return str(database.with_name("mlartifacts")) if database else None


def _require(uri: str) -> None:
    database = sqlite_file(uri)
    if database and not database.exists():
        raise UserError(
            f"expected a tracking store at {database}, found none; train a run first with `bcdl train`, "
            "or name the folder of another store with --tracking-root"
        )


def _require_writable(root: Path) -> None:
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
def _explained(uri: str) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[0][:300]
        raise UserError(
            f"the tracking store {_without_password(uri)} cannot be opened "
            f"({type(error).__name__}: {reason}); "
            f"start its server or correct {URI_VARIABLE}, or unset that to track under tracking.root"
        ) from error


def _without_password(uri: str) -> str:
    password = urlsplit(uri).password
    return uri.replace(f":{password}@", ":***@") if password else uri
