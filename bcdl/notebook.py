"""The Python door: an old run as its model, its data and its predictions."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from hydra.errors import InstantiationException
from omegaconf import DictConfig

from bcdl.assemble import best_weights, build_data, build_model
from bcdl.data import ExamDataModule
from bcdl.errors import UserError
from bcdl.evaluation import read_predictions
from bcdl.evaluation.assessment import fitted_calibrator
from bcdl.exits import expected_error
from bcdl.lineage import judged_by, require_same_data, run_config
from bcdl.models import Classifier, load_checkpoint
from bcdl.networks.weights import read_checkpoint
from bcdl.stats import Calibrator
from bcdl.tracking import TrackingStore
from bcdl.tracking.artifacts import PREDICTIONS


@dataclass(frozen=True)
class Run:
    """An earlier run, rebuilt from what it recorded.

    Args:
        id: its MLflow run id.
        config: the resolved configuration that it was trained with.
        store: the tracking store that it lies in.
    """

    id: str
    config: DictConfig
    store: TrackingStore

    @cached_property
    def data(self) -> ExamDataModule:
        """The run's data, prepared: tables, image store, and loaders that normalise as the run did."""
        return self._restored[0]

    @cached_property
    def model(self) -> Classifier:
        """The run's model with its best weights, in evaluation mode."""
        return self._restored[1]

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """The predictions table of the run's validation and test samples."""
        return read_predictions(self.store.download(self.id, PREDICTIONS))

    @cached_property
    def judged_by(self) -> DictConfig:
        """The `evaluate` by which the run was judged last."""
        return judged_by(self.store, self.id)

    @cached_property
    def calibrator(self) -> Calibrator:
        """What makes probabilities of the run's logits, fitted on its validation samples."""
        method = self.judged_by.calibration
        return Calibrator() if method == "none" else fitted_calibrator(self.predictions, method)

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of each metric that the run logged."""
        return dict(self.store.client.get_run(self.id).data.metrics)

    @cached_property
    def _restored(self) -> tuple[ExamDataModule, Classifier]:
        return restore(self.config, self.id, self.store)


def load_run(
    reference: str = "latest", tracking_root: str | Path | None = None, experiment: str = "bcdl"
) -> Run:
    """Return an earlier run.

    Args:
        reference: a run id, 4 or more leading characters of it, a run name, or `latest`.
        tracking_root: folder of `mlflow.db`; None takes `$BCDL_TRACKING_ROOT` or `runs`.
        experiment: the MLflow experiment that `latest` and names refer to.

    Raises:
        UserError: if there is no such run.
    """
    store = TrackingStore.open(tracking_root, experiment)
    run_id = store.resolve(reference)
    return Run(run_id, run_config(store, run_id), store)


def prepared(cfg: DictConfig) -> ExamDataModule:
    """Return the data of a configuration, prepared.

    Raises:
        UserError: they are not there, or wrong.
    """
    try:
        data = build_data(cfg)
    except InstantiationException as error:  # Hydra's, around what a reader says of its files
        mistake = expected_error(error, "bcdl")
        if isinstance(mistake, UserError):
            raise mistake from error
        raise
    data.prepare()
    return data


def restore(
    cfg: DictConfig, run_id: str, store: TrackingStore, data: ExamDataModule | None = None
) -> tuple[ExamDataModule, Classifier]:
    """Return a run's prepared data and its model with the best weights, in evaluation mode.

    Args:
        cfg: the run's configuration.
        run_id: the run.
        store: where it lies.
        data: its data, where they are built already.

    Raises:
        UserError: if its checkpoint was not kept, or its data have changed.
    """
    data, model = restore_on(cfg, run_id, store, data)
    require_same_data(store, run_id, data)
    return data, model


def restore_on(
    cfg: DictConfig, run_id: str, store: TrackingStore, data: ExamDataModule | None = None
) -> tuple[ExamDataModule, Classifier]:
    """Return the data of a configuration, normalised as a run normalised its own, and that run's model.

    Raises:
        UserError: if the run's checkpoint was not kept, or does not fit the data.
    """
    path = best_weights(store, run_id)
    data = build_data(cfg) if data is None else data
    data.load_state_dict(read_checkpoint(path)[type(data).__qualname__])
    data.prepare()
    model = build_model(cfg, data, store, pretrained=False)
    load_checkpoint(model, path)
    return data, model.eval()
