"""The run's own samples as the reference of what is far: computed once, and kept with the run.

What is kept are arrays: mean and spread of the training samples' embeddings, distances of the others, numbers
that tell validation patients apart. No id is among them, and no training sample by itself.
"""

import hashlib
import logging
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from hydra.errors import InstantiationException
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from bcdl.data import ExamDataModule
from bcdl.data.progress import progress
from bcdl.errors import RunError, UserError
from bcdl.exits import expected_error
from bcdl.explain import Novelty, embed
from bcdl.models import Classifier
from bcdl.notebook import Run
from bcdl.prediction.model import CHECKPOINT

_LOG = logging.getLogger(__name__)
FILE = "novelty.npz"
_MOST = 20_000  # training samples that count, drawn at random where there are more
_ARRAYS = ("mean", "whitening", "validation", "patient", "test")


def reference_of(run: Run, model: Classifier, device: torch.device) -> Novelty | None:
    """Return the reference that a run keeps; where it has none it is computed from the run's data, and kept.

    None, with a warning, where those are gone or have changed.
    """
    weights = hashlib.sha256(run.store.download(run.id, CHECKPOINT).read_bytes()).hexdigest()
    if run.store.has_artifact(run.id, FILE):
        kept = read_reference(run.store.download(run.id, FILE), weights)
        if kept is not None:
            return kept
    try:
        data = run.data
    except (UserError, InstantiationException) as error:
        _LOG.warning(
            "whether samples are far from the training data is not told: the run holds no %s, and its data "
            "cannot be read (%s)",
            *(FILE, " ".join(str(expected_error(error, "bcdl predict") or error).split())),
        )
        return None
    found = _computed(data, model, device)
    _keep(run, found, weights)
    return found


def read_reference(file: Path, weights: str) -> Novelty | None:
    """Return the reference in a file, None where it was made with other weights."""
    with np.load(file, allow_pickle=False) as arrays:
        if str(arrays["weights"]) != weights:
            return None
        return Novelty(training=int(arrays["training"]), **{name: arrays[name] for name in _ARRAYS})


def _computed(data: ExamDataModule, model: Classifier, device: torch.device) -> Novelty:
    found = {split: _embedded(data, split, model, device) for split in ("train", "val", "test")}
    training = found["train"][0]
    chosen = np.random.default_rng(0).permutation(len(training))[:_MOST]
    return Novelty.of(training[np.sort(chosen)], *found["val"], found["test"][0])


def _embedded(
    data: ExamDataModule, split: str, model: Classifier, device: torch.device
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the embeddings (N, D) of a split's samples, and the numbers (N,) of their patients."""
    if not data.has_samples(split):
        return np.zeros((0, model.pooled_dim()), np.float32), np.zeros(0, np.int64)
    patients = data.split_samples(split)["patient_id"]
    embeddings = []
    with progress(f"embedding {split} samples, once for this run", len(patients), "samples") as advance:
        for batch in data.loader(split):
            moved = data.transfer_batch_to_device(batch, device, 0)
            embeddings.append(embed(model, data.on_after_batch_transfer(moved, 0)))
            advance(len(embeddings[-1]))
    return np.concatenate(embeddings), pd.factorize(patients)[0].astype(np.int64)


def _keep(run: Run, novelty: Novelty, weights: str) -> None:
    """Write the reference into the run; where that fails it is computed again next time."""
    content = BytesIO()
    arrays = {name: getattr(novelty, name) for name in _ARRAYS}
    np.savez_compressed(content, weights=np.array(weights), training=novelty.training, **arrays)
    with TemporaryDirectory(prefix="bcdl-") as folder:
        file = Path(folder) / FILE
        file.write_bytes(content.getvalue())
        try:
            run.store.client.log_artifact(run.id, str(file))
        except (OSError, MlflowException, RunError) as error:
            _LOG.warning("%s could not be kept in the run (%s): it is computed again next time", FILE, error)
