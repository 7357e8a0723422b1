"""SIGTERM as an exception, so that a terminated run unwinds as an interrupted one does."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TERMINATED = 128 + signal.SIGTERM  # the exit code that shells give such a process
INTERRUPTED = 128 + signal.SIGINT


class Terminated(SystemExit):
    """The process was asked to end (SIGTERM); no `except Exception` swallows it; exit code 143."""


@contextmanager
def termination_raises() -> Iterator[None]:
    """Raise `Terminated` on SIGTERM while the block runs; does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def was_interrupted(error: BaseException | None) -> bool:
    """Return whether Ctrl-C or SIGTERM lies behind an exception.

    Lightning turns the KeyboardInterrupt of a fit into `sys.exit(1)`, so the whole chain is looked at.
    """
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        if isinstance(error, SystemExit) and error.code in (TERMINATED, INTERRUPTED):
            return True
        error = error.__cause__ or error.__context__
    return False


def _raise_terminated(signum: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated(TERMINATED)
