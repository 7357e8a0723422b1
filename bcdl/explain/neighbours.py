"""The training cases that a model takes to be most like a case."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bcdl.data.batch import Batch
from bcdl.errors import UserError
from bcdl.models import Classifier
from bcdl.networks.stillness import held_still


@dataclass(frozen=True)
class Neighbours:
    """The nearest training cases of each query, the nearest first.

    Attributes:
        index: (Q, k), rows of the training embeddings.
        distance: (Q, k), cosine distances from 0 (same direction) to 2.
    """

    index: NDArray[np.int64]
    distance: NDArray[np.float32]


@torch.no_grad()
def embed(model: Classifier, batch: Batch) -> NDArray[np.float32]:
    """Return what the head sees of each sample, (B, D): of `autoencoder` its views' mean latent code."""
    with held_still(model):
        return model.features(batch).float().cpu().numpy()


@torch.no_grad()
def embed_and_predict(model: Classifier, batch: Batch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what the head sees of each sample, (B, D), and its logits, (B,) or (B, K)."""
    with held_still(model):
        features = model.features(batch)
        return features.float().cpu().numpy(), model.head(features).float().cpu().numpy()


def neighbours(
    query: NDArray[np.float32],
    training: NDArray[np.float32],
    query_patients: NDArray[np.str_],
    training_patients: NDArray[np.str_],
    count: int = 3,
) -> Neighbours:
    """Find the nearest training cases by cosine distance, never those of the query's own patient.

    Args:
        query: Embeddings (Q, D).
        training: Embeddings (N, D).
        query_patients: (Q,).
        training_patients: (N,).
        count: Neighbours of each query.

    Raises:
        UserError: A query has fewer training cases of other patients.
    """
    own = np.asarray(query_patients)[:, None] == np.asarray(training_patients)[None]
    fewest = int((~own).sum(1).min(initial=len(training)))
    if not 1 <= count <= fewest:
        raise UserError(
            f"expected a number of neighbours from 1 to {fewest}, the training cases of other patients, "
            f"found {count}"
        )
    distance = np.where(own, np.inf, 1 - _unit(query) @ _unit(training).T)  # (Q, N)
    index = np.argsort(distance, axis=1, kind="stable")[:, :count]
    nearest = np.take_along_axis(distance, index, axis=1).clip(0, 2)
    return Neighbours(index.astype(np.int64), nearest.astype(np.float32))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Scale vectors (N, D) to length 1; one of length 0 stays, at distance 1 from all."""
    wide = np.asarray(vectors, np.float64)
    length = np.linalg.norm(wide, axis=1, keepdims=True)
    return wide / np.where(length > 0, length, 1)
