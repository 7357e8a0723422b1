"""A run's checkpoints: in its folder while it trains, the best one as its artifact afterwards."""

from pathlib import Path

from bcdl.errors import UserError, nearest
from bcdl.lineage import BEST_CHECKPOINT, LAST_CHECKPOINT
from bcdl.models import Classifier, Transfer
from bcdl.tracking import TrackedRun

KEEP = ("all", "best", "none")
FOLDER = "checkpoints"


def check_keep(keep: str) -> None:
    """Raise `UserError` unless `keep` says which checkpoints stay."""
    if keep not in KEEP:
        raise UserError(f"expected keep to be one of {', '.join(KEEP)}, found '{keep}'.{nearest(keep, KEEP)}")


def best_checkpoint(run: TrackedRun) -> Path:
    """Return the local best checkpoint of a training run; a resumed one gets back what it had recorded."""
    path = run.folder / BEST_CHECKPOINT
    if run.resumed and not path.exists() and run.store.has_artifact(run.id, f"{FOLDER}/{BEST_CHECKPOINT}"):
        path.write_bytes(run.store.download(run.id, f"{FOLDER}/{BEST_CHECKPOINT}").read_bytes())
    return path


def settle(run: TrackedRun, model: Classifier, keep: str) -> None:
    """Record the best checkpoint as an artifact, once, and leave in the run's folder what `keep` says.

    Args:
        run: the run, trained.
        model: its model; a separate classifier is recorded as `classifier.skops` beside the checkpoint.
        keep: `all` records the best and leaves the last for `resume=`, `best` only records the best, `none`
            does neither.
    """
    best = run.folder / BEST_CHECKPOINT
    if keep != "none":
        run.log_artifact(best, FOLDER)
        if isinstance(model, Transfer) and model.separate is not None:
            estimator = run.folder / "classifier.skops"
            model.export_estimator(estimator)
            run.log_artifact(estimator, FOLDER)
            estimator.unlink()
    best.unlink()
    if keep != "all":
        (run.folder / LAST_CHECKPOINT).unlink(missing_ok=True)
