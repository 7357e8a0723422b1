"""Finding runs: by id, by the beginning of an id, by name, the latest; and listing them as one table."""

import gc
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Experiment, Run, ViewType
from mlflow.exceptions import MlflowException

from bcdl.errors import UserError, nearest
from bcdl.tracking.tags import CHANGED, KIND_TAG, OWN_TAGS, PARENT_TAG

LATEST = "latest"
NEWEST_FIRST = ["attributes.start_time DESC"]
PAGE = 1000
RECENT = 8


def resolve(client: MlflowClient, experiment_id: str, reference: str, kind: str) -> str:
    """Return the id of the run that `reference` means.

    Args:
        client: client of the store.
        experiment_id: names, beginnings of ids and `latest` are looked up in this experiment.
        reference: a whole run id, at least 4 leading characters of one, a run name, or `latest`.
        kind: which kind of run `latest` means.

    Raises:
        UserError: if no run or more than one run matches.
    """
    matches = _matches(client, experiment_id, reference, kind)
    if len(matches) == 1:
        return str(matches[0].info.run_id)
    if matches:
        raise UserError(
            f"'{reference}' is not one run but {len(matches)}: {_listing(matches)}; give more of the id"
        )
    raise UserError(_not_found(client, experiment_id, reference))


def search(
    client: MlflowClient, experiment_id: str, query: str = "", limit: int | None = None
) -> Iterator[Run]:
    """Yield the runs of an experiment that match an MLflow filter, newest first, page by page."""
    token: str | None = None
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        with _uncollected():
            page = client.search_runs(
                [experiment_id], query, max_results=size, order_by=NEWEST_FIRST, page_token=token
            )
        yield from page
        left = None if left is None else left - len(page)
        token = page.token
        if not token:
            return


def every_experiment(client: MlflowClient, view: int = ViewType.ACTIVE_ONLY) -> Iterator[Experiment]:
    """Yield the experiments of a store, page by page."""
    token: str | None = None
    while True:
        page = client.search_experiments(view, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def runs_table(runs: Iterable[Run]) -> pd.DataFrame:
    """Return one row a run.

    Columns: run_id, name, status, kind, parent, started, then `params.*`, `metrics.*` and `tags.bcdl.*`.
    """
    table = pd.DataFrame([_row(run) for run in runs])
    columns = ["run_id", "name", "status", "kind", "parent", "started"]
    return table if len(table) else pd.DataFrame(columns=columns)


def find(client: MlflowClient, run_id: str) -> Run | None:
    """Return the run of this id, None where the store has none or it is deleted there."""
    return next(iter(_by_id(client, run_id)), None)


def tagged(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> str | None:
    """Return the id of the newest run with all of these tags, None where there is none."""
    query = " and ".join(has_tag(key, value) for key, value in tags.items())
    found = next(search(client, experiment_id, query, limit=1), None)
    return None if found is None else str(found.info.run_id)


def has_tag(key: str, value: str) -> str:
    """Return the MLflow filter for runs with a tag."""
    return f"tags.`{key}` = '{value}'"


def _matches(client: MlflowClient, experiment_id: str, reference: str, kind: str) -> list[Run]:
    if reference == LATEST:
        return list(search(client, experiment_id, has_tag(KIND_TAG, kind), limit=1))
    if re.fullmatch("[0-9a-f]{32}", reference):
        return _by_id(client, reference)
    by_name = list(search(client, experiment_id, f"attributes.run_name = '{_quotable(reference)}'"))
    if by_name or not re.fullmatch("[0-9a-f]{4,31}", reference):
        return by_name
    return list(search(client, experiment_id, f"attributes.run_id LIKE '{reference}%'"))


def _by_id(client: MlflowClient, run_id: str) -> list[Run]:
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return []
        raise
    return [run] if run.info.lifecycle_stage == "active" else []


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking for garbage: among MLflow's 60 objects a run that takes most of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _quotable(text: str) -> str:
    return text.replace("'", "")


def _not_found(client: MlflowClient, experiment_id: str, reference: str) -> str:
    recent = list(search(client, experiment_id, limit=RECENT))
    if not recent:
        return (
            f"expected a run for '{reference}', but this experiment has none yet; train one with `bcdl train`"
        )
    names = [run.info.run_name for run in search(client, experiment_id, limit=PAGE)]
    return (
        f"no run '{reference}'.{nearest(reference, names)} Give a run id, at least 4 leading characters of "
        f"one, a run name or 'latest'. The newest runs: {_listing(recent)}"
    )


def _listing(runs: list[Run]) -> str:
    return ", ".join(f"{run.info.run_name} ({run.info.run_id[:8]})" for run in runs[:RECENT])


def _row(run: Run) -> dict[str, object]:
    row: dict[str, object] = {
        "run_id": run.info.run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "kind": run.data.tags.get(KIND_TAG),
        "parent": run.data.tags.get(PARENT_TAG),
        "started": pd.Timestamp(run.info.start_time, unit="ms"),
    }
    row |= {
        f"params.{key}": run.data.tags.get(f"{CHANGED}{key}", value) for key, value in run.data.params.items()
    }
    row |= {f"metrics.{key}": value for key, value in run.data.metrics.items()}
    return row | {f"tags.{key}": value for key, value in run.data.tags.items() if key.startswith(OWN_TAGS)}
