"""What lies in a tracking root and no run needs: found and measured here, removed by nobody in this module.

What the store does not know is litter only where it is its own for certain: others may share the root.

Only `runs/`, `sweeps/` and `mlartifacts/` are looked into, so a store of images in the root is never touched,
and only what carries the name of a run, a model or a sweep; a link is passed over.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlflow import MlflowClient

from bcdl.tracking.belonging import mark_of, mark_on, runs_of, shares_artifacts
from bcdl.tracking.census import Census, take_census
from bcdl.tracking.database import SQLITE
from bcdl.tracking.litter_kinds import ARTIFACTS, DELETED, EMPTY, GONE, MODELS, SWEEPS, Item, Kind
from bcdl.tracking.removal import holds_files, is_alive, measure
from bcdl.tracking.working_folder import FOREIGN, WorkingFolders

HOUR = 3600.0  # seconds that whatever has no final status is left alone
_RUN, _MODEL = re.compile("[0-9a-f]{32}"), re.compile("m-[0-9a-f]{32}")
_DATED = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(-\d+)?")  # what Hydra calls the folder of a multirun


@dataclass
class Survey:
    """What was found.

    Attributes:
        items: what no run needs.
        kept: how many runs and sweeps were left alone, by reason.
        stranger: how many runs and sweeps lie in the root where the store knows none of them; else 0.
    """

    items: list[Item] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)
    stranger: int = 0


def survey(
    client: MlflowClient, uri: str, root: Path, *, older_than: float = 0.0, experiment: str | None = None
) -> Survey:
    """Find what no run needs.

    Args:
        client: client of the store.
        uri: the store's address; artifacts are looked at where it is the SQLite file of the root.
        root: the tracking root.
        older_than: seconds for which a run must have ended.
        experiment: id of an experiment: only what belongs to runs of it.
    """
    working = [folder for folder in _folders(root / "runs") if _RUN.fullmatch(folder.name)]
    own, mark = uri == f"{SQLITE}{root / 'mlflow.db'}", mark_of(uri, root)
    artifacts = [folder for folder in _folders(root / "mlartifacts") if own and _RUN.fullmatch(folder.name)]
    names = {folder.name for folder in (*working, *artifacts, *_folders(root / "sweeps"))}
    census = take_census(client, uri, root, {folder.name for folder in (*working, *artifacts)})
    known = names & {*census.runs, *(run.sweep for run in census.runs.values())}
    found = Survey(stranger=0 if known else len(names))
    now = time.time()
    rest = _Rest(root, mark, census, now - max(older_than, HOUR), found)
    folders = WorkingFolders(client, census, mark, now - older_than, rest.before, found.kept)
    found.items += [item for folder in working for item in folders.items(folder)]
    found.items += [*rest.sweeps(), *rest.artifacts(artifacts), *rest.models()]
    found.items = [item for item in found.items if _is_meant(item, census, found, experiment)]
    if found.stranger:
        del found.kept[FOREIGN]
    return found


@dataclass(frozen=True)
class _Rest:
    """Looks at what lies outside of the runs' working folders.

    Attributes:
        mark: the store's.
        before: only what was last changed before this moment (s since 1970).
    """

    root: Path
    mark: str
    census: Census
    before: float
    found: Survey

    def sweeps(self) -> Iterator[Item]:
        """Yield the folders of sweeps that the store has no more, and empty ones."""
        for folder in _folders(self.root / "sweeps"):
            kind = self._kind_of_sweep(folder)
            if kind is not None:
                yield from self._item(kind, folder)

    def artifacts(self, folders: list[Path]) -> Iterator[Item]:
        """Yield the artifacts of runs that the store has no more."""
        for folder in folders:
            if folder.name in self.census.registered:
                self.found.kept["registered"] += folder.name not in self.census.runs
            elif folder.name not in self.census.runs:
                yield from self._item(ARTIFACTS, folder)

    def models(self) -> Iterator[Item]:
        """Yield the logged models that the store has no more, or that are deleted in it."""
        known = self.census.models
        for folder in _folders(self.root / "mlartifacts" / "models"):
            if known is None or not _MODEL.fullmatch(folder.name):
                continue
            if folder.name in self.census.registered:
                self.found.kept["registered"] += known.get(folder.name, True)
            elif known.get(folder.name, True):
                yield from self._item(DELETED if folder.name in known else MODELS, folder)

    def _kind_of_sweep(self, folder: Path) -> Kind | None:
        parents = self.census.parents(folder.name)
        if any(run.ended is None or is_alive(self.root / "runs" / run_id) for run_id, run in parents.items()):
            return None
        if not holds_files(folder):
            return EMPTY
        if parents:
            return DELETED if all(run.deleted for run in parents.values()) else None
        if _DATED.fullmatch(folder.name):
            return None
        if self._is_own(folder):
            return SWEEPS
        self.found.kept[FOREIGN] += 1
        return None

    def _is_own(self, sweep: Path) -> bool:
        """Return whether a run that the sweep's study names is, or was, one of the store."""
        runs = self.root / "runs"
        return any(run in self.census.runs or mark_on(runs / run) == self.mark for run in runs_of(sweep))

    def _item(self, kind: Kind, folder: Path) -> Iterator[Item]:
        size, newest = measure(folder)
        if kind in (ARTIFACTS, MODELS) and shares_artifacts(self.root):
            self.found.kept[FOREIGN] += 1
        elif newest <= self.before:
            yield Item(kind, folder, size)
        else:
            self.found.kept["young"] += 1


def _folders(parent: Path) -> list[Path]:
    if parent.is_symlink() or not parent.is_dir():
        return []
    return sorted(child for child in parent.iterdir() if child.is_dir() and not child.is_symlink())


def _is_meant(item: Item, census: Census, found: Survey, experiment: str | None) -> bool:
    """Return whether an item is to be told; what a store lacks is not where it lacks everything."""
    if found.stranger and item.kind in (GONE, SWEEPS, ARTIFACTS, MODELS):
        return False
    run = census.runs.get(item.working.name) if item.working else None
    return experiment is None or (run is not None and run.experiment == experiment)
