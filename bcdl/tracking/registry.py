"""MLflow's model registry: versions of a named model, and the aliases by which users load them."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import LoggedModel
from mlflow.exceptions import MlflowException

from bcdl.errors import UserError
from bcdl.tracking.lookup import PAGE
from bcdl.tracking.reaching import URI_VARIABLE
from bcdl.tracking.store import TrackingStore

CONTENT_TAG = "bcdl.content"  # a hash of what a version was made of
_FORM = re.compile(r"[A-Za-z0-9_-]{1,255}")
_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)
_ABOUT = (
    "Models for the detection of breast cancer, trained and registered by bcdl. An alias such as `champion` "
    "names the version in use; each version's description is its model card. For research only."
)


@dataclass(frozen=True)
class Version:
    """A version of a registered model.

    Attributes:
        name: of the registered model.
        number: of the version, from 1.
    """

    name: str
    number: int


def check_alias(alias: str) -> str:
    """Return an alias that MLflow takes.

    Raises:
        UserError: it is not one.
    """
    if not _FORM.fullmatch(alias) or _RESERVED.fullmatch(alias):
        raise UserError(
            "expected an alias of letters, digits, - and _, such as champion, and neither 'latest' nor v1, "
            f"v2, … (MLflow's own names), found '{alias}'; choose another with --as"
        )
    return alias


def check_name(name: str) -> str:
    """Return a name for a registered model.

    Raises:
        UserError: it is not one.
    """
    if not _FORM.fullmatch(name):
        raise UserError(
            f"expected a name of letters, digits, - and _, such as bcdl, found '{name}'; choose another "
            "with --name"
        )
    return name


def same_version(store: TrackingStore, name: str, content: str) -> Version | None:
    """Return the newest version made of the same content, None where there is none."""
    query = f"name = '{name}' and tags.`{CONTENT_TAG}` = '{content}'"
    found = [
        version
        for version in store.client.search_model_versions(query, max_results=PAGE)
        if version.status == "READY"
    ]
    numbers = [int(version.version) for version in found]
    return Version(name, max(numbers)) if numbers else None


def register(
    store: TrackingStore,
    name: str,
    run_id: str,
    write: Callable[[LoggedModel, Path], None],
    folder: Path,
    *,
    content: str,
    description: str,
) -> Version:
    """Make a new version of a registered model, which is made too where it is missing.

    The run itself is not touched, but for a link to the model.

    Args:
        store: the tracking store, which is the registry too.
        name: of the registered model.
        run_id: the run that trained it.
        write: writes MLflow's model folder of a logged model to a path that does not exist yet.
        folder: an empty folder for that.
        content: a hash of what the version is made of.
        description: of the version, in Markdown.
    """
    _ensure_model(store, name)
    client = store.client
    model = client.create_logged_model(store.experiment_id, name, source_run_id=run_id)
    try:
        write(model, folder / "model")
        client.log_model_artifacts(model.model_id, str(folder / "model"))
        client.finalize_logged_model(model.model_id, "READY")
        with _default_store(store.uri):
            made = client.create_model_version(
                name,
                model.model_uri,
                run_id,
                tags={CONTENT_TAG: content},
                description=description,
                model_id=model.model_id,
            )
    except BaseException:
        _discard(client, model.model_id)
        raise
    return Version(name, int(made.version))


def point(store: TrackingStore, version: Version, alias: str) -> int | None:
    """Let an alias mean a version; return the version that it meant before, None where none."""
    before = store.client.get_registered_model(version.name).aliases.get(alias)
    store.client.set_registered_model_alias(version.name, alias, str(version.number))
    return None if before is None else int(before)


def _ensure_model(store: TrackingStore, name: str) -> None:
    try:
        store.client.create_registered_model(name, description=_ABOUT)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _discard(client: Any, model_id: str) -> None:  # noqa: ANN401 - MLflow's client
    """Mark a logged model that could not be finished, and take it out of MLflow's lists."""
    client.finalize_logged_model(model_id, "FAILED")
    client.delete_logged_model(model_id)


@contextmanager
def _default_store(uri: str) -> Iterator[None]:
    """Make a store MLflow's default for a while: its registry looks for the logged model there."""
    before = os.environ.get(URI_VARIABLE)
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)
        if before is not None:
            os.environ[URI_VARIABLE] = before
