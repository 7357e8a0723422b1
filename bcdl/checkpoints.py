"""A run's checkpoints: in its folder while it trains, the best one as its artifact afterwards."""

import json
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from bcdl.errors import UserError, nearest
from bcdl.lineage import BEST_CHECKPOINT, LAST_CHECKPOINT
from bcdl.models import Classifier, Transfer
from bcdl.tracking import TrackedRun

KEEP = ("all", "best", "none")
FOLDER = "checkpoints"
_FITTED = "fitted.json"


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


def record_best(run: TrackedRun, model: Classifier, keep: str) -> None:
    """Record the best checkpoint as an artifact, once, unless `keep` is `none`.

    Args:
        run: the run, fitted.
        model: its model; a separate classifier is recorded as `classifier.skops` beside the checkpoint.
        keep: `all`, `best` or `none`.
    """
    if keep == "none":
        return
    run.log_artifact(run.folder / BEST_CHECKPOINT, FOLDER)
    if isinstance(model, Transfer) and model.separate is not None:
        estimator = run.folder / "classifier.skops"
        model.export_estimator(estimator)
        run.log_artifact(estimator, FOLDER)
        estimator.unlink()


def tidy(folder: Path, keep: str) -> None:
    """Leave in the folder of a run that is over what `keep` says.

    With `all` the last checkpoint, for `resume=`.
    """
    (folder / _FITTED).unlink(missing_ok=True)
    (folder / BEST_CHECKPOINT).unlink(missing_ok=True)
    if keep != "all":
        (folder / LAST_CHECKPOINT).unlink(missing_ok=True)


@dataclass(frozen=True)
class Fitted:
    """How far the fit of a run has come.

    Attributes:
        whole: whether it has ended, early or not.
        pruned: whether a sweep ended it.
    """

    whole: bool
    pruned: bool


def mark_fitted(folder: Path, cfg: DictConfig, pruned: bool) -> None:
    """Note that a run is fitted: if its process dies before the run is over, it is not fitted again."""
    part = folder / f"{_FITTED}.part"
    part.write_text(json.dumps({"max_epochs": cfg.trainer.max_epochs, "pruned": pruned}))
    part.replace(folder / _FITTED)


def fitted(folder: Path, cfg: DictConfig) -> Fitted:
    """Return how far the fit has come of a run that is not over.

    One that is to get more epochs is not fitted.
    """
    file = folder / _FITTED
    noted = json.loads(file.read_text()) if file.exists() else {}
    whole = noted.get("max_epochs", ()) == cfg.trainer.max_epochs and (folder / BEST_CHECKPOINT).exists()
    return Fitted(whole, whole and bool(noted["pruned"]))
