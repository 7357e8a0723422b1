"""The output of a job in a file of its own, whoever prints it: Python, a library in C, a further process."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOG = "job.log"


@contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Let everything that this process prints go to the end of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    with path.open("ab") as file:
        _point(file.fileno(), file.fileno())
    try:
        yield
    finally:
        _point(*kept)
        for descriptor in kept:
            os.close(descriptor)


def _point(out: int, err: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(out, 1)
    os.dup2(err, 2)
