"""A run's journal: all that is logged is first a line of a local file; an offset says how much was delivered.

One process at a time writes a journal and holds its lock; a free lock says that the writer ended.
"""

import errno
import fcntl
import json
import os
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bcdl.errors import UserError

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

    Raises:
        UserError: if another process writes this run.
        FileNotFoundError: if a leftover is gone, since another process has delivered it.
    """

    def __init__(self, folder: Path, leftover: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._mutex = threading.Lock()
        self._descriptor = _lock(folder, wait=0.0 if leftover else LOCK_WAIT)
        if leftover and not (folder / FILE).exists():
            os.close(self._descriptor)
            raise FileNotFoundError(folder / FILE)
        self._file = (folder / FILE).open("a+b")
        self._drop_torn_line()
        self.delivered = self._read_offset()

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
            descriptor = self._file.fileno()
            end = os.fstat(descriptor).st_size
            if os.write(descriptor, line) < len(line):
                os.ftruncate(descriptor, end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._file.name)

    def reserve(self, name: str) -> Path:
        """Return a path in the outbox for an artifact called `name`."""
        self.outbox.mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self.outbox)) / name

    def pending(self, limit: int = 1000) -> list[Entry]:
        """Return the oldest entries, at most `limit`, that are not delivered yet."""
        with self._mutex:
            self._file.seek(self.delivered)
            entries: list[Entry] = []
            position = self.delivered
            while len(entries) < limit and (line := self._file.readline()):
                position += len(line)
                entries.append(Entry(**json.loads(line), end=position))
        return entries

    def advance(self, entries: list[Entry]) -> None:
        """Record that these entries, the oldest pending ones, were delivered."""
        self.delivered = entries[-1].end
        unfinished = self._offset_file.with_suffix(".new")
        unfinished.write_text(str(self.delivered))
        unfinished.replace(self._offset_file)
        for entry in entries:
            if entry.kind == "artifact":
                shutil.rmtree((self.folder / entry.content["file"]).parent, ignore_errors=True)

    def close(self) -> bool:
        """Release the journal and remove it where all was delivered; return whether it was."""
        complete = not self.pending(limit=1)
        self._file.close()
        if complete:
            (self.folder / FILE).unlink()
            self._offset_file.unlink(missing_ok=True)
            shutil.rmtree(self.outbox, ignore_errors=True)
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)
        return complete

    def _lines(self) -> list[dict[str, Any]]:
        with self._mutex:
            self._file.seek(0)
            return [json.loads(line) for line in self._file]

    @property
    def _offset_file(self) -> Path:
        return self.folder / "journal.offset"

    def _read_offset(self) -> int:
        return int(self._offset_file.read_text()) if self._offset_file.exists() else 0

    def _drop_torn_line(self) -> None:
        """Cut a last line that a killed process left unfinished."""
        self._file.seek(0)
        whole = self._file.read().rfind(b"\n") + 1
        self._file.truncate(whole)


def _lock(folder: Path, wait: float) -> int:
    """Return the open lock of a run; somebody who delivers its leftovers holds it for a moment only."""
    descriptor = os.open(folder / "journal.lock", os.O_RDWR | os.O_CREAT)
    deadline = time.monotonic() + wait
    while not _take(descriptor):
        if time.monotonic() >= deadline:
            os.close(descriptor)
            raise UserError(
                f"run {folder.name} is being written by another process; wait until that has ended, or end it"
            )
        time.sleep(LOOK)
    return descriptor


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
