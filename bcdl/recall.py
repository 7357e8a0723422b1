"""An old run whose data or checkpoint are gone: judged by the predictions that it has recorded."""

import logging

from omegaconf import DictConfig

from bcdl.conclude import conclude
from bcdl.data import ExamDataModule
from bcdl.errors import NoDataError, UserError
from bcdl.evaluation import read_predictions
from bcdl.evaluation.assessment.engine import uncalibrated
from bcdl.lineage import BEST_CHECKPOINT
from bcdl.notebook import prepared
from bcdl.subject import Subject
from bcdl.tracking import TrackedRun, TrackingStore
from bcdl.tracking.artifacts import PREDICTIONS
from bcdl.trained import Training

log = logging.getLogger(__name__)
NO_CHECKPOINT = "its checkpoint was not kept (keep=none, or removed since)"
NO_DATA = "its data are not at hand any more"
NOTE = (
    "This report was made anew from the predictions that the run has recorded, for {}: it has no images, no "
    "explanations and no subgroups."
)


class GoneError(Exception):
    """The run cannot infer again.

    Attributes:
        reason: why, without a place of data.
        detail: all that is known of it.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason, self.detail = reason, detail or reason


def data_at_hand(cfg: DictConfig, run_id: str, store: TrackingStore) -> ExamDataModule:
    """Return the prepared data of a run that can infer again, as far as can be seen without its model.

    Raises:
        GoneError: its checkpoint was not kept, or files that its data are read from are not there.
        UserError: they are there, but wrong.
    """
    if not store.has_artifact(run_id, f"checkpoints/{BEST_CHECKPOINT}"):
        raise GoneError(NO_CHECKPOINT)
    try:
        return prepared(cfg)
    except NoDataError as error:
        raise GoneError(NO_DATA, f"{NO_DATA}: {error}") from error


def judge_recorded(cfg: DictConfig, run_id: str, store: TrackingStore, gone: GoneError) -> dict[str, float]:
    """Judge the predictions that a run has recorded, and record the report in it, which says so.

    Args:
        cfg: its configuration, with the `evaluate` to apply.
        run_id: the run.
        store: where it lies.
        gone: why it cannot infer again.

    Raises:
        UserError: it has recorded no predictions either.
    """
    if not store.has_artifact(run_id, PREDICTIONS):
        raise UserError(
            f"the run {run_id[:8]} can neither be inferred again ({gone.detail}) nor has it recorded "
            f"predictions: bring back what it lacks, or train it anew: bcdl train from={run_id[:8]}"
        ) from gone
    log.warning("The report is made of the recorded predictions, without images: %s", gone.detail)
    predictions = uncalibrated(read_predictions(store.download(run_id, PREDICTIONS)))
    training = Training.recorded(store, run_id)
    subject = Subject.remembered(cfg, training, predictions, NOTE.format(gone.reason))
    with TrackedRun.reopen(store, run_id) as run:
        return conclude(run, cfg, subject, predictions, training)
