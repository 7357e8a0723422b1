"""The kinds of things that no run needs, each with its reason."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kind:
    """A kind of litter.

    Attributes:
        name: what it is called.
        reason: why no run needs it, in one line.
        flag: the option without which it stays.
    """

    name: str
    reason: str
    flag: str | None = None


GONE = Kind("folders of runs", "the store has no such runs any more")
DELETED = Kind("deleted in MLflow", "MLflow can restore the runs, but not these files", "--deleted")
LAST = Kind("last checkpoints", "the runs are FINISHED; only resume= needs them", "--last-checkpoints")
BEST = Kind("best checkpoints", "the same file is an artifact of its run")
PARTS = Kind("unfinished files", "whoever wrote them was killed in the middle")
DOWNLOADS = Kind("downloads", "copies of artifacts, fetched again when needed")
OUTBOXES = Kind("outboxes", "copies of artifacts that have arrived")
NOTES = Kind("notes of fits", "for processes that have ended")
EMPTY = Kind("empty folders", "nothing is in them")
SWEEPS = Kind("sweeps", "the store has no parent run of theirs any more")
ARTIFACTS = Kind("artifacts", "the store has no such runs any more")
MODELS = Kind("logged models", "the store has no such models any more")
KINDS = (GONE, SWEEPS, ARTIFACTS, MODELS, DELETED, LAST, BEST, DOWNLOADS, OUTBOXES, PARTS, NOTES, EMPTY)


@dataclass(frozen=True)
class Item:
    """One file or folder that no run needs.

    Attributes:
        kind: why.
        path: where.
        size: bytes.
        working: working folder of the run that it belongs to, if any.
    """

    kind: Kind
    path: Path
    size: int
    working: Path | None = None
