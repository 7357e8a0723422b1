"""Exams a second that the phantom renders on two processes: `python benchmarks/phantom.py`.

Target: 40 exams of four 256 x 128 views a second on two cores.
"""

import time
from concurrent.futures import ProcessPoolExecutor

from targets import Figure, show

from bcdl.data.phantom import view_keys
from bcdl.data.readers import Phantom

EXAMS, PROCESSES = 400, 2
TARGET = 40.0  # exams a second


def main() -> None:
    show([Figure(f"exams of 4 views, {PROCESSES} processes", rendered(), TARGET, "a second", at_least=True)])


def rendered() -> float:
    """Return the exams a second that all processes render together."""
    share = EXAMS // PROCESSES
    with ProcessPoolExecutor(PROCESSES) as pool:
        list(pool.map(render_exams, [0] * PROCESSES, [2] * PROCESSES))  # imports, caches
        start = time.perf_counter()
        list(pool.map(render_exams, range(0, EXAMS, share), range(share, EXAMS + share, share)))
        return EXAMS / (time.perf_counter() - start)


def render_exams(first: int, last: int) -> None:
    """Render the patients from `first` up to `last`."""
    reader = Phantom(patients=EXAMS)
    for key in view_keys(EXAMS, 1):
        if first <= key.patient < last:
            reader.load(key.path)


if __name__ == "__main__":
    main()
