"""How a command ends: what a person reads of an error, and the exit code that a script reads."""

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bcdl.errors import FindingsError, RunError, UserError

USER_ERROR = 2
RUN_ERROR = 1
FINDINGS = 3
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
BROKEN_PIPE = 128 + signal.SIGPIPE

FULL_ERROR = "HYDRA_FULL_ERROR"
DEBUG = "BCDL_DEBUG"


def report(error: BaseException, command: str = "bcdl") -> int:
    """Print an error to stderr and return the exit code.

    A user's mistake and a run that cannot go on are one message; anything else keeps its traceback.
    `BCDL_DEBUG=1` (or `HYDRA_FULL_ERROR=1`) shows every traceback.
    """
    if isinstance(error, KeyboardInterrupt):
        print("bcdl: interrupted", file=sys.stderr)
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):  # as of `bcdl prepare | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    if isinstance(error, SystemExit):
        return _system_exit_code(error)
    expected = expected_error(error, command)
    if expected is None or _debugging():
        traceback.print_exception(error)
    if expected is not None:
        print(f"bcdl: {expected}", file=sys.stderr)
    if isinstance(expected, FindingsError):
        return FINDINGS
    return USER_ERROR if isinstance(expected, UserError) else RUN_ERROR


def expected_error(error: BaseException, command: str) -> UserError | RunError | None:
    """Return the error with one clear message: the error itself, one that it wraps, or its explanation."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, UserError | RunError):
            return cause
        cause = cause.__cause__
    if "omegaconf" not in sys.modules:
        return None
    from bcdl.mistakes import explained

    return explained(error, command)


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into `SystemExit(143)`, so that an open run closes as killed; ignore a second one."""
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(signum: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(TERMINATED)


def _system_exit_code(error: SystemExit) -> int:
    if isinstance(error.code, str):
        print(error.code, file=sys.stderr)
        return RUN_ERROR
    return error.code or 0


def _debugging() -> bool:
    return "1" in (os.environ.get(DEBUG), os.environ.get(FULL_ERROR))
