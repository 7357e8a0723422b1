"""Removing files and folders of a tracking root: measured, never through a link, never of a living run."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "journal.lock"


class InUseError(OSError):
    """A living process writes the run whose file was to be removed."""


def measure(path: Path) -> tuple[int, float]:
    """Return the bytes of a file or of a folder's files, and when the newest was changed (s since 1970).

    Links are not followed; what has just gone, or may not be looked into, counts as nothing.
    """
    try:
        status = path.lstat()
        children = [] if path.is_symlink() or not path.is_dir() else list(path.iterdir())
    except (FileNotFoundError, PermissionError):
        return 0, 0.0
    parts = [measure(child) for child in children]
    size = 0 if path.is_dir() else status.st_size
    return size + sum(part for part, _ in parts), max([status.st_mtime, *(newest for _, newest in parts)])


def holds_files(folder: Path) -> bool:
    """Return whether anything but folders, and the lock of an ended run, lies in a folder."""
    return any(
        holds_files(child) if child.is_dir() and not child.is_symlink() else child.name != LOCK
        for child in folder.iterdir()
    )


def is_alive(folder: Path) -> bool:
    """Return whether a living process writes the run of a working folder."""
    try:
        with at_rest(folder):
            return False
    except InUseError:
        return True


@contextmanager
def at_rest(folder: Path) -> Iterator[None]:
    """Keep a run's lock in the block, so that no process begins to write the run meanwhile.

    Args:
        folder: the run's working folder.

    Raises:
        InUseError: a living process has it, or that cannot be found out.
    """
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR)
    except FileNotFoundError:
        yield
        return
    except PermissionError as error:
        raise InUseError(f"the lock of run {folder.name} belongs to another user") from error
    try:
        _take(descriptor, folder.name)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, run: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InUseError(f"run {run} is being written by a living process") from error


def remove(path: Path, root: Path, working: Path | None) -> None:
    """Remove a file or a folder.

    Args:
        path: what to remove; nothing happens where it is gone already.
        root: the tracking root, which it must lie in.
        working: working folder of the run that it belongs to, if any.

    Raises:
        OSError: it cannot be removed, lies elsewhere, is a link, or its run is alive.
    """
    if path.is_symlink() or not path.resolve().is_relative_to(root.resolve()):
        raise OSError(f"{path} leads out of {root}")
    if working is None:
        _remove(path)
        return
    with at_rest(working):
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
