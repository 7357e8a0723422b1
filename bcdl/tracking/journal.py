"""A run's journal: all that is logged is first a line of a local file; an offset says how much was delivered.

One process at a time writes a journal and holds its lock; a free lock says that the writer ended. The
lock's file says which store the run belongs to.
"""

import errno
import fcntl
import json
import os
import shutil
import tempfile
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from bcdl.errors import UserError
from bcdl.tracking.removal import LOCK

FILE = "journal.jsonl"
LOCK_WAIT, LOOK = 2.0, 0.05  # seconds that a writer waits for another process to let go, and between looks


@dataclass(frozen=True)
class Entry:
    """One logged thing.

    Attributes:
        kind: which request delivers it: metrics, params, tags, artifact, input or status.
        content: its plain values.
        time: milliseconds since 1970, when it was logged.
        end: position in the journal's file behind this entry.
    """

    kind: str
    content: dict[str, Any]
    time: int
    end: int


class Journal:
    """The journal in a run's working folder.

    Args:
        folder: working folder of the run; created if missing.
        leftover: take up the journal that an ended process left, and make none.
        mark: mark of the store that the run belongs to, kept in the lock's file; None leaves that as it is.

    Raises:
        UserError: if another process writes this run.
        FileNotFoundError: if a leftover is gone, since another process has delivered it.
        OSError: if it cannot be read or written, as that of another user.
    """

    def __init__(self, folder: Path, leftover: bool = False, mark: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._mutex = threading.Lock()
        self._lock = _lock(folder, wait=0.0 if leftover else LOCK_WAIT)
        try:
            flags = os.O_RDWR | os.O_APPEND | (0 if leftover else os.O_CREAT)
            self._file = os.open(folder / FILE, flags, 0o666)
        except OSError:
            os.close(self._lock)
            raise
        _open.add(self)
        try:
            self._drop_torn_line()
            self.delivered = self._read_offset()
        except BaseException:
            self._release()
            raise
        if mark is not None:
            _sign(self._lock, mark)

    @property
    def outbox(self) -> Path:
        """Folder of copies of artifacts that wait to be delivered."""
        return self.folder / "outbox"

    @property
    def ended(self) -> bool:
        """Whether the run's final status is an entry, and the run did not go on after it."""
        statuses = [line["content"]["status"] for line in self._lines() if line["kind"] == "status"]
        return bool(statuses) and statuses[-1] != "RUNNING"

    @property
    def last_sign(self) -> int | None:
        """When the newest entry was made, in milliseconds since 1970; None where there is none."""
        return max((line["time"] for line in self._lines()), default=None)

    def append(self, kind: str, **content: Any) -> None:  # noqa: ANN401 - any JSON value
        """Write one entry, whole or not at all; it survives the process from here on.

        Raises:
            OSError: the disk is full.
        """
        entry = {"kind": kind, "time": time.time_ns() // 1_000_000, "content": content}
        line = f"{json.dumps(entry)}\n".encode()
        with self._mutex:
            end = self._size
            if os.write(self._file, line) < len(line):
                os.ftruncate(self._file, end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder / FILE))

    def reserve(self, name: str) -> Path:
        """Return a path in the outbox for an artifact called `name`."""
        self.outbox.mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self.outbox)) / name

    def pending(self, limit: int = 1000) -> list[Entry]:
        """Return the oldest entries, at most `limit`, that are not delivered yet.

        Raises:
            ValueError: a line is damaged.
        """
        with self._mutex, self._reader(self.delivered) as file:
            lines = list(islice(file, limit))
        entries: list[Entry] = []
        position = self.delivered
        for line in lines:
            position += len(line)
            entries.append(Entry(**json.loads(line), end=position))
        return entries

    def advance(self, entries: list[Entry]) -> None:
        """Record that these entries, the oldest pending ones, were delivered.

        Raises:
            OSError: the disk is full; they count as delivered until this process ends.
        """
        self.delivered = entries[-1].end
        unfinished = self._offset_file.with_suffix(".new")
        unfinished.write_text(str(self.delivered))
        unfinished.replace(self._offset_file)
        for entry in entries:
            if entry.kind == "artifact":
                shutil.rmtree((self.folder / entry.content["file"]).parent, ignore_errors=True)

    def close(self) -> bool:
        """Release the journal and remove it where all was delivered; return whether it was."""
        try:
            complete = self.delivered >= self._size
            if complete:
                (self.folder / FILE).unlink()  # before its offset: that of a journal without one is 0
                self._offset_file.unlink(missing_ok=True)
                shutil.rmtree(self.outbox, ignore_errors=True)
        finally:
            self._release()
        return complete

    def leave(self) -> None:
        """Let go of the lock in a forked child, which would hold it on for a parent that was killed."""
        with suppress(OSError):
            os.close(self._lock)
        self._lock = _NONE

    def _release(self) -> None:
        _open.discard(self)
        os.close(self._file)
        if self._lock != _NONE:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            os.close(self._lock)

    @property
    def _size(self) -> int:
        return os.fstat(self._file).st_size

    def _reader(self, start: int) -> BinaryIO:
        """Return a handle that begins at a position: one that is kept would not notice what is appended."""
        file = os.fdopen(os.dup(self._file), "rb")
        file.seek(start)
        return file

    def _lines(self) -> list[dict[str, Any]]:
        with self._mutex, self._reader(0) as file:
            return [json.loads(line) for line in file]

    @property
    def _offset_file(self) -> Path:
        return self.folder / "journal.offset"

    def _read_offset(self) -> int:
        """Return how much was delivered; 0 where that is damaged, or says more than there is.

        An offset of an earlier journal, whose removal was interrupted, must not count for this one.
        """
        if not self._offset_file.exists():
            return 0
        text = self._offset_file.read_bytes()
        offset = int(text) if text.isdigit() else 0
        if not 0 < offset <= self._size:
            self._offset_file.unlink()
            return 0
        return offset

    def _drop_torn_line(self) -> None:
        """Cut a last line that a killed process left unfinished."""
        with self._reader(0) as file:
            whole = file.read().rfind(b"\n") + 1
        if whole < self._size:
            os.ftruncate(self._file, whole)


_NONE = -1
_open: "weakref.WeakSet[Journal]" = weakref.WeakSet()


def _leave_all() -> None:
    for journal in list(_open):
        journal.leave()


os.register_at_fork(after_in_child=_leave_all)


def _lock(folder: Path, wait: float) -> int:
    """Return the open lock of a run; somebody who delivers its leftovers holds it for a moment only."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT)
    deadline = time.monotonic() + wait
    while not _take(descriptor):
        if time.monotonic() >= deadline:
            os.close(descriptor)
            raise UserError(
                f"run {folder.name} is being written by another process; wait until that has ended, or end it"
            )
        time.sleep(LOOK)
    return descriptor


def _sign(lock: int, mark: str) -> None:
    """Write a mark into a lock's file; without it, as on a full disk, the run's files are left alone."""
    with suppress(OSError):
        if os.pread(lock, len(mark) + 1, 0) != mark.encode():
            os.ftruncate(lock, 0)
            os.pwrite(lock, mark.encode(), 0)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
