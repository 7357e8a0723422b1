"""The process of a slot: takes jobs from a pipe, one after the other, until the pipe or its parent ends."""

import ctypes
import gc
import os
import signal
import sys
from multiprocessing.connection import Connection

PR_SET_PDEATHSIG = 1  # of prctl(2), Linux


def main(descriptor: int, parent: int) -> None:
    """Do the jobs that come through a pipe from the parent process; each is answered by how it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # between jobs there is nothing to interrupt
    _die_with(parent)
    pipe = Connection(descriptor)
    pipe.send_bytes(b"ready")
    while True:
        try:
            content = pipe.recv_bytes()
        except EOFError:
            return
        pipe.send_bytes(_done(content))


def _done(content: bytes) -> bytes:
    import cloudpickle

    from bcdl.sweeps.launchers.output import LOG, output_to
    from bcdl.sweeps.launchers.remote import RemoteJob
    from bcdl.sweeps.member import LOG_VARIABLE

    job: RemoteJob = cloudpickle.loads(content)
    log = job.folder / LOG
    os.environ[LOG_VARIABLE] = str(log)
    with output_to(log):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            ended = job()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    vars(ended)["log"] = str(log)
    _clean_up()
    answer: bytes = cloudpickle.dumps(ended)
    return answer


def _clean_up() -> None:
    """Let go of what a job held, its model above all."""
    gc.collect()
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()


def _die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends, even by kill -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended already
            sys.exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
