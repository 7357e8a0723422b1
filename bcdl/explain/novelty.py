"""How far a sample lies from those that a model was trained on, and how often that flags ordinary ones.

Source:
    Sun, Ming, Zhu and Li 2022, Out-of-distribution detection with deep nearest neighbors, ICML: the distance
    of the unit-length embedding to its k-th nearest training embedding, cut off at a quantile of known
    samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 10
_FOLDS = 5
_ROWS = 1024  # queries compared at once
Values = NDArray[np.float64]
Embeddings = NDArray[np.float32]


@dataclass(frozen=True)
class Novelty:
    """The training samples of a model, and how far samples of the same data lie from them.

    Attributes:
        training: (N, D) embeddings of length 1, of training samples.
        validation: (M,) distances of validation samples.
        patient: (M,) numbers that say which of them are of one patient.
        test: (T,) distances of test samples.
    """

    training: Embeddings
    validation: Values
    patient: NDArray[np.int64]
    test: Values

    @classmethod
    def of(
        cls, training: Embeddings, validation: Embeddings, patient: NDArray[np.int64], test: Embeddings
    ) -> "Novelty":
        """Return the reference that embeddings (rows, D) make.

        Args:
            training: of training samples.
            validation: of validation samples.
            patient: numbers of the validation samples' patients.
            test: of test samples; none may be there.
        """
        known = _unit(training)
        distances = [distance_to(known, each) for each in (validation, test)]
        return cls(known, distances[0], patient, distances[1])

    def distance(self, embeddings: Embeddings) -> Values:
        """Return the distances (Q,) of samples with embeddings (Q, D)."""
        return distance_to(self.training, embeddings)

    def cutoff(self, false_alarms: float) -> float:
        """Return the distance above which at most this share of the validation samples lies; inf of none."""
        return _cutoff(self.validation, false_alarms)

    def validation_rate(self, false_alarms: float) -> float:
        """Return the share of validation samples beyond the cutoff; NaN of none. It is so by construction."""
        return _rate(self.validation, self.cutoff(false_alarms))

    def cross_fitted_rate(self, false_alarms: float) -> float:
        """Return the share of validation samples beyond the cutoff that the other folds' patients give.

        NaN where there are fewer patients than two.
        """
        fold = np.unique(self.patient, return_inverse=True)[1] % _FOLDS
        if fold.max(initial=0) == 0:
            return float("nan")
        beyond = np.zeros(len(fold), np.bool_)
        for number in range(fold.max() + 1):
            held = fold == number
            beyond[held] = self.validation[held] > _cutoff(self.validation[~held], false_alarms)
        return float(beyond.mean())

    def test_alarms(self, false_alarms: float) -> int:
        """Return how many test samples lie beyond the cutoff, for which they were not looked at."""
        return int((self.test > self.cutoff(false_alarms)).sum())


def distance_to(training: Embeddings, embeddings: Embeddings, neighbours: int = NEIGHBOURS) -> Values:
    """Return the Euclidean distance of each embedding, at length 1, to its k-th nearest training embedding.

    Args:
        training: (N, D), of length 1.
        embeddings: (Q, D), of any length.
        neighbours: k; of fewer training samples the farthest counts.

    Returns:
        (Q,), from 0 (the same direction) to 2 (the opposite one).
    """
    place = min(neighbours, len(training)) - 1
    found = [np.zeros(0)]
    for start in range(0, len(embeddings), _ROWS):
        cosine = _unit(embeddings[start : start + _ROWS]).astype(np.float64) @ training.T.astype(np.float64)
        nearest = np.partition(-cosine, place, axis=1)[:, place]
        found.append(np.sqrt(np.clip(2 + 2 * nearest, 0, 4)))
    return np.concatenate(found)


def _cutoff(distances: Values, false_alarms: float) -> float:
    if not len(distances):
        return float("inf")
    return float(np.quantile(distances, 1 - false_alarms, method="higher"))


def _rate(distances: Values, cutoff: float) -> float:
    return float((distances > cutoff).mean()) if len(distances) else float("nan")


def _unit(embeddings: Embeddings) -> Embeddings:
    """Scale embeddings (N, D) to length 1; one of length 0 stays, as far from all as can be told."""
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.where(length > 0, length, 1), np.float32)
