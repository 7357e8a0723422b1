"""An old run on other data: its model, imaging, preprocessing and thresholds; only the data are new."""

import logging
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig, open_dict

from bcdl.conclude import conclude, infer
from bcdl.data import ExamDataModule
from bcdl.errors import UserError
from bcdl.evaluation import read_predictions
from bcdl.evaluation.assessment.engine import uncalibrated
from bcdl.nested import nested_evaluation
from bcdl.notebook import prepared, restore_on
from bcdl.subject import Subject
from bcdl.tracking import TrackingStore
from bcdl.tracking.artifacts import PREDICTIONS
from bcdl.tracking.tags import FINGERPRINT_TAG
from bcdl.trained import Training

log = logging.getLogger(__name__)
KEPT = ("unit", "newest_exams", "on_extra_view", "batch_size", "num_workers")  # of the run, unless typed
UNCHECKED = (
    "Whether {} was trained on any of these images could not be checked, for its own data are not at hand: "
    "if it was, these results are worth nothing."
)
SPLITS = ("train", "val", "test")
WHOLE = {"val_fraction": 0.0, "test_fraction": 0.0, "folds": None, "fold": None}  # no split is drawn


def judge_elsewhere(
    cfg: DictConfig, run_cfg: DictConfig, run_id: str, store: TrackingStore, typed: Iterable[str]
) -> dict[str, float]:
    """Judge a run on every labelled sample of another data set, in a run nested under it.

    Thresholds and calibration are those of the run's own validation samples.

    Args:
        cfg: the composed configuration, with `data`.
        run_cfg: the run's configuration, with the `evaluate` to apply.
        run_id: the run.
        store: the tracking store.
        typed: the keys that were typed.

    Raises:
        UserError: images of the run's own are among these, or its model does not fit them.
    """
    moved = _moved(run_cfg, cfg.data, set(typed))
    data, model = restore_on(moved, run_id, store)
    run = store.client.get_run(run_id)
    name = run.info.run_name
    if run.data.tags.get(FINGERPRINT_TAG) == data.fingerprint():
        raise UserError(f"expected other data than {name} was trained on, found the same; leave out data=")
    note = _require_other_images(run_cfg, data, name)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with nested_evaluation(store, run_id, moved, data, f"on-{data.source.name}") as nested:
        predictions = infer(model, data, device, SPLITS).assign(split="test")
        own = _validation(store, run_id)
        both = pd.concat([own, predictions], ignore_index=True)
        subject = replace(Subject.of(data, model), notes=note)
        return conclude(nested, moved, subject, both, Training.recorded(store, run_id))


def _moved(run_cfg: DictConfig, data: DictConfig, typed: set[str]) -> DictConfig:
    """Return a run's configuration with other data, which are judged whole."""
    moved = run_cfg.copy()
    with open_dict(moved):
        moved.data = data
        for key in KEPT:
            if f"data.{key}" not in typed and key in run_cfg.data:
                moved.data[key] = run_cfg.data[key]
        moved.data.update(WHOLE)
    return moved


def _validation(store: TrackingStore, run_id: str) -> pd.DataFrame:
    table = uncalibrated(read_predictions(store.download(run_id, PREDICTIONS)))
    return table[table["split"] == "val"]


def _require_other_images(run_cfg: DictConfig, data: ExamDataModule, name: str) -> tuple[str, ...]:
    """Refuse data that hold images of the run's own, by their pixels; return a note where those are gone."""
    try:
        own = prepared(run_cfg)
    except UserError as error:
        log.warning("Whether %s has seen these images could not be checked: %s", name, error)
        return (UNCHECKED.format(name),)
    seen = int(np.isin(data.store.checksums, own.store.checksums).sum())
    if seen:
        raise UserError(
            f"expected images that {name} has not seen, found {seen:,} of {len(data.store.checksums):,} "
            "among its own; leave out data= to judge its own test samples, or leave those images out"
        )
    return ()
