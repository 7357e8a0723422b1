"""A run's model as it predicts: from what the run recorded, without the data that it was trained on."""

from dataclasses import replace
from typing import cast

from bcdl.assemble import build_model
from bcdl.data import ExamDataModule
from bcdl.errors import UserError
from bcdl.lineage import BEST_CHECKPOINT
from bcdl.models import load_checkpoint
from bcdl.notebook import Run
from bcdl.serving.facts import FILE, Facts
from bcdl.serving.scorer import Scorer
from bcdl.sources import instantiated
from bcdl.tracking.artifacts import PREDICTIONS

CHECKPOINT = f"checkpoints/{BEST_CHECKPOINT}"
ON_BAD_IMAGE = ("skip", "keep", "error")


def require_model(run: Run) -> None:
    """Raise UserError unless a run has the checkpoint and the predictions that prediction needs."""
    found = run.store.client.get_run(run.id).info
    title = f"{found.run_name} ({run.id[:8]})"
    if not run.store.has_artifact(run.id, CHECKPOINT):
        raise UserError(
            f"the run {title} has no checkpoint: it was trained with keep=none, or did not get that far (it "
            f"is {found.status}). Train one with it: bcdl train from={run.id[:8]} keep=best"
        )
    if not run.store.has_artifact(run.id, PREDICTIONS):
        raise UserError(
            f"the run {title} has no predictions.parquet, by which thresholds are fitted: it has not ended "
            f"(it is {found.status}). Go on with it by bcdl train resume={run.id[:8]}, or bcdl evaluate "
            f"run={run.id[:8]}"
        )


def scorer_of(run: Run, on_bad_image: str | None, batch_size: int) -> Scorer:
    """Return a run's model with its best weights.

    Args:
        run: a run with a checkpoint.
        on_bad_image: what becomes of images that the quality gate refuses; None does as the training did, and
            leaves them out where the training refused to go on.
        batch_size: samples computed at once.

    Raises:
        UserError: the weights do not fit.
    """
    facts = Facts.read(run.store.download(run.id, FILE).read_text())
    policy = on_bad_image or ("keep" if facts.on_bad_image == "keep" else "skip")
    facts = replace(facts, on_bad_image=policy, batch_size=batch_size)
    model = build_model(run.config, cast(ExamDataModule, facts), None, pretrained=False)
    checkpoint = load_checkpoint(model, run.store.download(run.id, CHECKPOINT))
    preprocess = instantiated(run.config.preprocess)
    preprocess.load_state_dict(checkpoint[ExamDataModule.__qualname__]["preprocess"])
    return Scorer(model, preprocess, facts)
