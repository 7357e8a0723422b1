"""The MLflow store of a study: an SQLite file in the tracking root, or whatever MLFLOW_TRACKING_URI names.

Opening it is the check that tracking works: what cannot be written or reached is an error before training.
"""

import uuid
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Self, cast

import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from bcdl.errors import UserError
from bcdl.tracking.belonging import mark_of
from bcdl.tracking.client import PatientClient, answered
from bcdl.tracking.leftovers import Delivery, deliver_leftovers, end_run
from bcdl.tracking.lookup import has_tag, resolve, runs_table, search
from bcdl.tracking.options import DEFAULT_EXPERIMENT
from bcdl.tracking.outage import patience, patiently
from bcdl.tracking.places import without_passwords
from bcdl.tracking.reaching import connection, enter, explained, require, require_writable
from bcdl.tracking.tags import KIND_TAG, PARENT_TAG


@dataclass(frozen=True)
class TrackingStore:
    """An open store and the experiment in it that runs belong to.

    Attributes:
        root: folder of the store's files and of every run's local working folder.
        uri: MLflow tracking URI.
        experiment: name of the MLflow experiment.
        experiment_id: its id in the store.
        client: MLflow's client of the store; it waits for one that is away for a moment.
    """

    root: Path
    uri: str
    experiment: str
    experiment_id: str
    client: MlflowClient

    @classmethod
    def open(
        cls,
        root: Path | str | None = None,
        experiment: str = DEFAULT_EXPERIMENT,
        *,
        create: bool = True,
        deliver: bool = True,
    ) -> Self:
        """Open the store, create it where it is missing, and deliver what earlier runs could not.

        Args:
            root: folder of the SQLite file and the artifacts; None takes `$BCDL_TRACKING_ROOT` or `runs`.
            experiment: name of the MLflow experiment.
            create: False refuses to create a missing store or experiment, for verbs that only read.
            deliver: False leaves the journals of ended runs alone, for jobs of a sweep: its own process
                looks after them.

        Raises:
            UserError: if the store cannot be written or reached within `$BCDL_TRACKING_PATIENCE` seconds
                (0 where that is not set), or is missing and `create` is False.
        """
        folder, uri = connection(root)
        if not create:
            require(uri)
        require_writable(folder)
        with explained(uri):
            experiment_id = patiently(partial(enter, uri, experiment, create), patience(0.0))
            client = cast(MlflowClient, PatientClient(MlflowClient(tracking_uri=uri), without_passwords(uri)))
            store = cls(folder, uri, experiment, experiment_id, client)
            if deliver:
                store.deliver_leftovers()
        return store

    @property
    def mark(self) -> str:
        """What the store's working folders are marked with; see `bcdl.tracking.belonging`."""
        return mark_of(self.uri, self.root)

    @property
    def plain_client(self) -> MlflowClient:
        """MLflow's own client, for who has a patience of their own."""
        return MlflowClient(tracking_uri=self.uri)

    def deliver_leftovers(self) -> list[Delivery]:
        """Deliver what ended processes left in their runs' journals; a run without a status is KILLED."""
        return deliver_leftovers(self.plain_client, self.root / "runs")

    def create_run(self, stem: str, tags: dict[str, str]) -> str:
        """Create a run and return its id; where the answer was lost, the run that was made is found again.

        Args:
            stem: beginning of its name for the time being.
            tags: its tags.

        Raises:
            RunError: if the store does not answer for `$BCDL_TRACKING_PATIENCE` seconds.
        """
        mark, tries, client = uuid.uuid4().hex, count(), self.plain_client

        def create() -> str:
            again = next(tries) > 0
            made = search(client, self.experiment_id, f"attributes.run_name LIKE '%{mark}'") if again else ()
            for run in made:
                return str(run.info.run_id)
            run = client.create_run(self.experiment_id, tags=tags, run_name=f"{stem}-{mark}")
            return str(run.info.run_id)

        return answered(create, without_passwords(self.uri))

    def end(self, run_id: str, status: str, error: str | None = None) -> None:
        """End the run of a process that died; where the store is away, the run's journal keeps it for later.

        Args:
            run_id: the run.
            status: FAILED or KILLED.
            error: why it failed, in one line.

        Raises:
            UserError: if a living process writes the run.
        """
        end_run(self.plain_client, self.folder(run_id), status, error)

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
