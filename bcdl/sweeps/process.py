"""Which process does a piece of work, and whether it still lives.

By its id here, by its last beat elsewhere.
"""

import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class Worker:
    """A process that has work in hand.

    Attributes:
        host: name of its machine.
        pid: its process id there.
        started: when it was started, in the machine's own count: a reused id is another process.
        beat: when it was last known to live, in seconds since 1970.
    """

    host: str
    pid: int
    started: int
    beat: float

    @classmethod
    def here(cls) -> Self:
        """Return this process, alive now."""
        return cls(socket.gethostname(), os.getpid(), _started(os.getpid()) or 0, time.time())

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Self:
        """Return the worker that `facts()` described."""
        return cls(**facts)

    def facts(self) -> dict[str, Any]:
        """Return what JSON can hold of it."""
        return asdict(self)

    def alive(self, stale_after: float) -> bool:
        """Return whether the process lives.

        On another machine, whether it beat in the last `stale_after` seconds.
        """
        if self.host == socket.gethostname():
            return _started(self.pid) == self.started
        return time.time() - self.beat < stale_after

    def is_here(self) -> bool:
        """Return whether this is the process that asks."""
        me = Worker.here()
        return (self.host, self.pid, self.started) == (me.host, me.pid, me.started)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def _started(pid: int) -> int | None:
    """Return when a process of this machine started, None where there is none; 0 where that is not told."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:  # somebody else's, but alive
        pass
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # not Linux
        return 0
    return None if state in "ZX" else int(rest[18])  # a zombie has ended
