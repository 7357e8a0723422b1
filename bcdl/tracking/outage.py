"""A store that is away for a moment: which failures pass, how long to wait for it, and the waiting itself."""

import logging
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mlflow.exceptions import MlflowException

from bcdl.errors import UserError
from bcdl.tracking.places import without_passwords

T = TypeVar("T")
log = logging.getLogger(__name__)
VARIABLE = "BCDL_TRACKING_PATIENCE"
PATIENCE = 60.0  # seconds that a store which has answered before is waited for
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0  # seconds between two tries
WAITING = "The tracking store does not answer (%s); trying again for up to %.0f s."
_BUSY, _LIMITED, _FAILED = 408, 429, 500  # HTTP: timed out, too many requests, the server's own fault
_NOT_IMPLEMENTED = 501
_SQL_PASSES = ("InterfaceError", "QueuePool limit", "PendingRollbackError", "Can't reconnect")
_chance = random.SystemRandom()  # the seeded generators belong to the training


def patience(default: float = PATIENCE) -> float:
    """Return how many seconds a store is waited for: `$BCDL_TRACKING_PATIENCE`, or `default`.

    Raises:
        UserError: if the variable is no number of seconds.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise UserError(f"expected {VARIABLE} to be seconds of 0 or more, found '{text}'")
    return seconds


@contextmanager
def patient_jobs() -> Iterator[None]:
    """Let what is done in the block, in processes started there as well, wait for the store to open.

    For a sweep, whose store has answered: a mistyped address is still told at once.
    """
    chosen = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(PATIENCE) if chosen is None else chosen
    try:
        yield
    finally:
        if chosen is None:
            del os.environ[VARIABLE]


def passes(error: BaseException) -> bool:
    """Return whether a failure may pass by itself: no connection, a server in trouble, a locked database."""
    from requests.exceptions import ConnectionError as NoConnection
    from requests.exceptions import HTTPError, Timeout
    from sqlalchemy.exc import OperationalError

    if isinstance(error, MlflowException):
        return _status_passes(error.get_http_status_code()) or _is_lost_connection(error)
    if isinstance(error, HTTPError):
        return error.response is None or _status_passes(error.response.status_code)
    return isinstance(error, NoConnection | Timeout | ConnectionError | TimeoutError | OperationalError)


def refused(error: BaseException) -> bool:
    """Return whether the store refuses for good what it was sent, so that sending it again is no use.

    A missing permission is not for good: it may be given, and nothing is to be lost until then.
    """
    from requests.exceptions import HTTPError

    if isinstance(error, MlflowException):
        return bool(error.get_http_status_code() == 400) and not passes(error)
    return isinstance(error, HTTPError) and getattr(error.response, "status_code", 0) in (400, 413, 414, 422)


def patiently(call: Callable[[], T], seconds: float) -> T:
    """Return what `call` returns, calling it again while it fails in a way that passes.

    Args:
        call: what to do; it may have happened although it raised, so it must stand being done twice.
        seconds: for how long at most.

    Raises:
        Exception: the last failure, or at once one that does not pass.
    """
    deadline, wait, told = time.monotonic() + seconds, FIRST_WAIT, False
    while True:
        try:
            return call()
        except Exception as error:
            left = deadline - time.monotonic()
            if left <= 0 or not passes(error):
                raise
            if not told:
                log.warning(WAITING, headline(error), seconds)
            told = True
        time.sleep(min(jittered(wait), left))
        wait = min(2 * wait, LONGEST_WAIT)


def jittered(seconds: float) -> float:
    """Return up to a half less, so that a thousand processes do not all come back at once."""
    return seconds * _chance.uniform(0.5, 1.0)


def headline(error: BaseException) -> str:
    """Return the kind of an error and the beginning of its first line, without passwords."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {without_passwords(lines[0])[:300]}"


def _status_passes(status: int) -> bool:
    return status in (_BUSY, _LIMITED) or (status >= _FAILED and status != _NOT_IMPLEMENTED)


def _is_lost_connection(error: MlflowException) -> bool:
    """Return whether MLflow calls a bad request what is its database's fault: no connection, or none free."""
    return error.error_code == "BAD_REQUEST" and any(text in str(error) for text in _SQL_PASSES)
