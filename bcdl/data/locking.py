"""One process at a time in a folder, where the file system has locks."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bcdl.errors import UserError

_LOG = logging.getLogger(__name__)


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Let one process at a time add to a store; without locks each goes on beside the others.

    Args:
        target: The store's folder, which is made where it is missing.

    Raises:
        UserError: The folder cannot be written to.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        lock = (target / ".lock").open("w")
    except OSError as error:
        raise UserError(
            f"{target.parent}: expected a folder for image stores, cannot write there ({error.strerror}); "
            "point data.store at another one"
        ) from error
    with lock:
        with suppress(OSError):
            _wait_for(lock.fileno(), target)
        yield


def _wait_for(lock: int, target: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _LOG.info("waiting for another process that prepares the images of %s", target.name)
        fcntl.flock(lock, fcntl.LOCK_EX)
