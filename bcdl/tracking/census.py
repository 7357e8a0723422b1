"""What a store knows of the runs whose files lie in a tracking root: their status, parents and models."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from bcdl.tracking.database import sqlite_file
from bcdl.tracking.lookup import PAGE, every_experiment, has_tag
from bcdl.tracking.tags import KIND_TAG, PARENT_TAG, SWEEP_TAG

SWEEP = "sweep"  # kind of the parent run of a sweep
FINISHED = "FINISHED"
ENDED = (FINISHED, "FAILED", "KILLED")
_BATCH = 200  # runs asked for at once


@dataclass(frozen=True)
class Known:
    """A run of the store, one deleted in MLflow included.

    Attributes:
        experiment: id of its experiment.
        status: its MLflow status.
        deleted: whether it is deleted in MLflow, which can restore it.
        ended: when it ended, in seconds since 1970; None for a run without a final status.
        parent: id of the run it is nested under.
        sweep: for the parent run of a sweep, the sweep's name.
        artifacts: where its artifacts lie.
    """

    experiment: str
    status: str
    deleted: bool
    ended: float | None
    parent: str | None
    sweep: str | None
    artifacts: str

    @classmethod
    def of(cls, run: Run) -> "Known":
        """Return what is needed of MLflow's run."""
        info, tags = run.info, run.data.tags
        ended = info.end_time / 1000 if info.status in ENDED and info.end_time else None
        sweep = tags.get(SWEEP_TAG, info.run_name) if tags.get(KIND_TAG) == SWEEP else None
        deleted = info.lifecycle_stage != "active"
        place = (tags.get(PARENT_TAG), sweep, str(info.artifact_uri))
        return cls(str(info.experiment_id), str(info.status), deleted, ended, *place)


@dataclass(frozen=True)
class Census:
    """What a store knows.

    Attributes:
        runs: the runs asked for, their ancestors and all parents of sweeps, by id; what is missing is gone.
        registered: ids of the runs and logged models that a registered model version stems from.
        models: logged models by id, with whether each is deleted in MLflow; None unless the store is the
            SQLite file of the root.
    """

    runs: Mapping[str, Known]
    registered: frozenset[str]
    models: Mapping[str, bool] | None

    def unfinished_sweep(self, run_id: str) -> bool:
        """Return whether a run is, or belongs to, a sweep that may go on; where all is deleted, none may."""
        run = self.runs[run_id]
        return any(
            each.status != FINISHED and not (each.deleted and run.deleted)
            for each in self._lineage(run)
            if each.sweep is not None
        )

    def parents(self, sweep: str) -> dict[str, Known]:
        """Return the parent runs of sweeps of this name, by id."""
        return {run_id: run for run_id, run in self.runs.items() if run.sweep == sweep}

    def _lineage(self, run: Known) -> Iterator[Known]:
        above: Known | None = run
        while above is not None:
            yield above
            above = self.runs.get(above.parent or "")


def take_census(client: MlflowClient, uri: str, root: Path, run_ids: Iterable[str]) -> Census:
    """Ask the store about runs; deleted experiments are looked at too.

    Args:
        client: client of the store.
        uri: the store's address.
        root: the tracking root.
        run_ids: the runs whose files lie there.
    """
    experiments = [each.experiment_id for each in every_experiment(client, ViewType.ALL)]
    runs = _found(_search(client, experiments, has_tag(KIND_TAG, SWEEP)))
    wanted = set(run_ids) - runs.keys()
    while wanted:
        found: dict[str, Known] = {}
        for batch in _batches(sorted(wanted)):
            names = ", ".join(f"'{run_id}'" for run_id in batch)
            found |= _found(_search(client, experiments, f"attributes.run_id IN ({names})"))
        runs |= found
        wanted = {run.parent for run in found.values() if run.parent is not None} - runs.keys()
    return Census(runs, _registered(client), _logged_models(uri, root))


def _search(client: MlflowClient, experiments: list[str], query: str) -> Iterator[Run]:
    token: str | None = None
    while True:
        page = client.search_runs(experiments, query, ViewType.ALL, PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _found(runs: Iterable[Run]) -> dict[str, Known]:
    return {str(run.info.run_id): Known.of(run) for run in runs}


def _batches(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), _BATCH):
        yield names[start : start + _BATCH]


def _registered(client: MlflowClient) -> frozenset[str]:
    """Return the runs and the logged models of every registered version, by id or by where its files lie."""
    found: set[str] = set()
    token: str | None = None
    while True:
        page = client.search_model_versions(max_results=PAGE, page_token=token)
        for version in page:
            location = client.get_model_version_download_uri(version.name, version.version)
            words = f"{version.source}/{location}".replace(":", "/").split("/")
            found |= {version.run_id, version.model_id, *words} - {None, ""}
        token = page.token
        if not token:
            return frozenset(found)


def _logged_models(uri: str, root: Path) -> dict[str, bool] | None:
    """Return the logged models of the root's own SQLite file; MLflow's client does not list deleted ones."""
    database = sqlite_file(uri)
    if database is None or database != root / "mlflow.db":
        return None
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT model_id, lifecycle_stage FROM logged_models").fetchall()
    return {model: stage != "active" for model, stage in rows}
