"""The process of a slot: takes jobs from a pipe, one after the other, until the pipe or its parent ends."""

import ctypes
import gc
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from bcdl.exits import exit_on_sigterm

if TYPE_CHECKING:
    from hydra.core.utils import JobReturn

PR_SET_PDEATHSIG = 1  # of prctl(2), Linux


def main(descriptor: int, parent: int) -> None:
    """Do the jobs that come through a pipe; each is answered by how it ended.

    Args:
        descriptor: of this process's end of the pipe.
        parent: process id of the one that sends them; SIGINT is blocked when this process starts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, if the parent was started by nohup
    _die_with(parent)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # a killed job's log is whole
    pipe = _own_pipe(descriptor)
    with suppress(KeyboardInterrupt, EOFError, ConnectionError):
        pipe.send_bytes(b"ready")
        while True:
            pipe.send_bytes(_done(pipe.recv_bytes()))


def _done(content: bytes) -> bytes:
    import cloudpickle

    from bcdl.sweeps.launchers.output import output_to
    from bcdl.sweeps.launchers.remote import failed
    from bcdl.sweeps.member import LOG_VARIABLE

    log, overrides, job = cloudpickle.loads(content)
    os.environ[LOG_VARIABLE] = log
    with output_to(Path(log)):
        try:
            with _interruptible():
                ended: JobReturn = cloudpickle.loads(job)()
        except Exception as error:  # outside of what the job itself catches: its module, its folder
            traceback.print_exc()
            ended = failed(overrides, error)
    vars(ended)["log"] = log
    _clean_up()
    return _packed(ended)


def _packed(ended: "JobReturn") -> bytes:
    """Return a job's end as it travels; what does not survive that is told in words."""
    import cloudpickle

    from bcdl.errors import RunError
    from bcdl.sweeps.launchers.remote import failed

    try:
        packed: bytes = cloudpickle.dumps(ended)
        cloudpickle.loads(packed)
    except Exception as error:  # whatever a class of the user's own raises
        told = f"what the job returned does not travel between processes ({error}): {ended._return_value}"
        packed = cloudpickle.dumps(failed(ended.overrides or (), RunError(told), vars(ended)["log"]))
    return packed


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end what is done in the block; a SIGINT from before arrives as it begins."""
    with exit_on_sigterm():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _own_pipe(descriptor: int) -> Connection:
    """Return the pipe, which no child of this process keeps open: its end tells the parent of a death."""
    os.set_inheritable(descriptor, False)
    pipe = Connection(descriptor)
    os.register_at_fork(after_in_child=pipe.close)
    return pipe


def _clean_up() -> None:
    """Let go of what a job held, its model above all."""
    gc.collect()
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()


def _die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends, even by kill -9.

    Elsewhere than on Linux it ends with the job that it has.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended already
            sys.exit(1)
