"""Optuna's journal file, every line of it whole: a full disk or a dead writer leaves no half of one."""

import errno
import json
import os
from io import FileIO
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock


class WholeLines(JournalFileBackend):
    """A journal file that is cut back to its last whole line before the next one is written.

    Args:
        file: path of the file; made where it is missing.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._own_lock = JournalFileSymlinkLock(
            file
        )  # holds on network file systems; a dead owner's lapses in 30 s
        super().__init__(file, lock_obj=self._own_lock)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write lines, all or none.

        Raises:
            OSError: the disk is full; what was written before is safe.
        """
        lines = "".join(f"{json.dumps(log, separators=(',', ':'))}\n" for log in logs).encode()
        self._own_lock.acquire()
        try:
            with Path(self._file).open("r+b", buffering=0) as file:
                end = _whole_end(file)
                file.truncate(end)
                file.seek(end)
                _write(file, lines, end)
        finally:
            self._own_lock.release()


def _write(file: FileIO, lines: bytes, end: int) -> None:
    try:
        if file.write(lines) < len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file.name)
        os.fsync(file.fileno())
    except OSError:
        file.truncate(end)
        raise


def _whole_end(file: FileIO) -> int:
    """Return the position behind the last whole line."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 4096)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
