"""How far a sample lies from those that a model was trained on, and how often that flags ordinary ones.

Source:
    Lee, Lee, Lee and Shin 2018, A simple unified framework for detecting out-of-distribution samples and
    adversarial attacks, NeurIPS: the Mahalanobis distance of the penultimate features, here with one mean for
    all classes, cut off at a quantile of known samples. The covariance is shrunk by Ledoit and Wolf 2004, A
    well-conditioned estimator for large-dimensional covariance matrices.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

_FOLDS = 5
Values = NDArray[np.float64]
Embeddings = NDArray[np.float32]


@dataclass(frozen=True)
class Novelty:
    """The training samples of a model as one cloud, and how far samples of the same data lie from it.

    Attributes:
        mean: (D,), of the training samples' embeddings.
        whitening: (D, D): times its transpose it is the inverse of their covariance.
        training: how many there were.
        validation: (M,) distances of validation samples.
        patient: (M,) numbers that say which of them are of one patient.
        test: (T,) distances of test samples.
    """

    mean: Embeddings
    whitening: Embeddings
    training: int
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
        mean, whitening = _cloud(training)
        near, far = (_distance(each, mean, whitening) for each in (validation, test))
        return cls(mean, whitening, len(training), near, patient, far)

    def distance(self, embeddings: Embeddings) -> Values:
        """Return the Mahalanobis distances (Q,) of samples with embeddings (Q, D)."""
        return _distance(embeddings, self.mean, self.whitening)

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


def _cloud(training: Embeddings) -> tuple[Embeddings, Embeddings]:
    """Return mean and whitening matrix of embeddings (N, D)."""
    fitted = LedoitWolf().fit(training.astype(np.float64))
    values, vectors = np.linalg.eigh(fitted.precision_)
    whitening = vectors * np.sqrt(np.clip(values, 0, None))
    return np.asarray(fitted.location_, np.float32), np.asarray(whitening, np.float32)


def _distance(embeddings: Embeddings, mean: Embeddings, whitening: Embeddings) -> Values:
    centred = embeddings.astype(np.float64) - mean
    return np.asarray(np.linalg.norm(centred @ whitening.astype(np.float64), axis=1))


def _cutoff(distances: Values, false_alarms: float) -> float:
    if not len(distances):
        return float("inf")
    return float(np.quantile(distances, 1 - false_alarms, method="higher"))


def _rate(distances: Values, cutoff: float) -> float:
    return float((distances > cutoff).mean()) if len(distances) else float("nan")
