"""What the working folder of a run holds that the run does not need."""

import filecmp
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient

from bcdl.tracking.belonging import mark_on
from bcdl.tracking.census import FINISHED, Census, Known
from bcdl.tracking.journal import FILE
from bcdl.tracking.litter_kinds import (
    BEST,
    DELETED,
    DOWNLOADS,
    EMPTY,
    GONE,
    LAST,
    NOTES,
    OUTBOXES,
    PARTS,
    Item,
    Kind,
)
from bcdl.tracking.removal import holds_files, is_alive, measure

BEST_FILE, LAST_FILE, JOINED_FILE = "best.ckpt", "last.ckpt", "joined.yaml"
FITTED_FILE = "fitted.json"
CHECKPOINTS = "checkpoints"  # folder of the best checkpoint among a run's artifacts
FOREIGN = "foreign"  # why something is kept: another store may have made it


@dataclass(frozen=True)
class WorkingFolders:
    """Looks at working folders.

    Attributes:
        client: client of the store.
        census: what the store knows.
        mark: the store's.
        ended_before: a run must have ended before this moment (s since 1970).
        changed_before: what has no final status must have been last changed before this one.
        kept: counts the runs that are left alone, by reason.
    """

    client: MlflowClient
    census: Census
    mark: str
    ended_before: float
    changed_before: float
    kept: Counter[str]

    def items(self, folder: Path) -> Iterator[Item]:
        """Yield what the run of a folder does not need."""
        reason = self._reason_to_keep(folder)
        if reason is not None:
            self.kept[reason] += 1
            return
        size, newest = measure(folder)
        run = self.census.runs.get(folder.name)
        if run is None or run.deleted:
            yield Item(DELETED if run else GONE, folder, size, folder)
        elif holds_files(folder):
            yield from self._parts(folder, run)
        elif newest <= self.changed_before:
            yield Item(EMPTY, folder, size, folder)

    def _reason_to_keep(self, folder: Path) -> str | None:
        run = self.census.runs.get(folder.name)
        if is_alive(folder):
            return "alive"
        if run is None and mark_on(folder) != self.mark:
            return FOREIGN
        if (folder / FILE).exists() and run is not None and not run.deleted:
            return "undelivered"
        if folder.name in self.census.registered:
            return "registered"
        if run is not None and self.census.unfinished_sweep(folder.name):
            return "sweep"
        ended = run.ended if run is not None else None
        old = measure(folder)[1] <= self.changed_before if ended is None else ended <= self.ended_before
        return None if old else "young"

    def _parts(self, folder: Path, run: Known) -> Iterator[Item]:
        found: list[tuple[Kind, Path]] = [(PARTS, path) for path in sorted(folder.glob("*.part"))]
        found += [(OUTBOXES, folder / "outbox"), (NOTES, folder / JOINED_FILE)]
        if _is_there(folder / "downloads") and measure(folder / "downloads")[1] <= self.changed_before:
            found.append((DOWNLOADS, folder / "downloads"))
        if self._is_artifact(folder / BEST_FILE, run):
            found.append((BEST, folder / BEST_FILE))
        if run.status == FINISHED:
            found += [(LAST, folder / LAST_FILE), (NOTES, folder / FITTED_FILE)]
        for kind, path in found:
            if _is_there(path):
                yield Item(kind, path, measure(path)[0], folder)

    def _is_artifact(self, best: Path, run: Known) -> bool:
        """Return whether the best checkpoint is an artifact; in a far store, that of a FINISHED run."""
        if not _is_there(best) or run.ended is None:
            return False
        if Path(run.artifacts).is_absolute():
            artifact = Path(run.artifacts) / CHECKPOINTS / BEST_FILE
            return artifact.is_file() and filecmp.cmp(best, artifact, shallow=False)
        listed = self.client.list_artifacts(best.parent.name, CHECKPOINTS)
        sizes = [file.file_size for file in listed if file.path == f"{CHECKPOINTS}/{BEST_FILE}"]
        return run.status == FINISHED and sizes == [best.lstat().st_size]


def _is_there(path: Path) -> bool:
    return path.exists() and not path.is_symlink()
