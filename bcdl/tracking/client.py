"""MLflow's client for a store that has answered before: it waits for one that is away for a moment."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from mlflow import MlflowClient

from bcdl.errors import RunError
from bcdl.tracking.outage import VARIABLE, headline, passes, patience, patiently

T = TypeVar("T")
# what may happen twice without harm; a run or a model would be created twice
REPEATABLE = ("get_", "search_", "list_", "set_", "log_", "update_run", "delete_tag", "download_artifacts")


class PatientClient:
    """Passes every call on to MLflow's client, and repeats one that fails in a way that passes.

    Args:
        client: MLflow's client.
        store: what the store is called in messages.
    """

    def __init__(self, client: MlflowClient, store: str) -> None:
        self._client, self._store = client, store

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever MLflow's client has
        """Return the client's attribute of this name; a repeatable method waits for the store."""
        if name.startswith("_"):  # also before there is a client, as while unpickling
            raise AttributeError(name)
        found = getattr(self._client, name)
        return partial(self._call, found) if name.startswith(REPEATABLE) else found

    def _call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        return answered(partial(method, *args, **kwargs), self._store)


def answered(call: Callable[[], T], store: str) -> T:
    """Return what a repeatable call returns, with the patience that is set.

    Args:
        call: what to do.
        store: what the store is called in messages.

    Raises:
        RunError: the store does not answer for so long.
    """
    seconds = patience()
    try:
        return patiently(call, seconds)
    except Exception as error:
        if not passes(error):
            raise
        raise RunError(
            f"the tracking store {store} has not answered for {seconds:.0f} s ({headline(error)}). "
            f"Start it again, and `bcdl sync` delivers what runs keep; {VARIABLE} sets how long to wait"
        ) from error
