"""Worker processes for work on images: one core each, and the loss of one is explained."""

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from threading import Thread
from typing import TypeVar

import cv2

from bcdl.data.heap import keep_freed_memory
from bcdl.errors import RunError

_LOOK = 2.0  # seconds between two looks for the parent
Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Chunk], Result], chunks: Sequence[Chunk], workers: int, ahead: int | None = None
) -> Generator[Result, None, None]:
    """Yield what became of each chunk, in order; with one worker in this process.

    Args:
        work: what is done with a chunk, in another process.
        chunks: all of them.
        workers: how many processes.
        ahead: how many results may wait for who takes them; None lets all wait.

    Raises:
        RunError: A worker was killed.
    """
    if workers == 1 or len(chunks) < 2:
        yield from map(work, chunks)
        return
    pool = ProcessPoolExecutor(min(workers, len(chunks)), get_context("spawn"), _start_worker)
    try:
        yield from _mapped(pool, work, chunks, ahead or len(chunks))
    except BrokenProcessPool as error:
        raise RunError(
            "a process that decodes images was killed, probably for want of memory; what it had stored is "
            "kept. Free some memory, or set fewer workers (prepare.workers; of bcdl predict: workers), and "
            "start again"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _mapped(
    pool: ProcessPoolExecutor, work: Callable[[Chunk], Result], chunks: Sequence[Chunk], ahead: int
) -> Generator[Result, None, None]:
    """Yield results in order, so many chunks being worked on or waiting."""
    waiting: deque[Future[Result]] = deque()
    for chunk in chunks:
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
        waiting.append(pool.submit(work, chunk))
    while waiting:
        yield waiting.popleft().result()


def cores() -> int:
    """Return how many cores this process may use; macOS tells only how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and the cores to the other workers; end when the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    keep_freed_memory()
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)
