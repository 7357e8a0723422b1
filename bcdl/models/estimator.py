"""A scikit-learn classifier in the place of a network's head, kept in the weights as skops (no pickle)."""

from pathlib import Path
from typing import Any, Protocol
from zipfile import ZIP_DEFLATED

import numpy as np
import skops.io
import torch
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import Tensor, nn

from bcdl.errors import RunError, UserError, nearest

ESTIMATORS = ("logistic", "svm", "random_forest", "gradient_boosting")
_LEAST = 1e-6  # probabilities closer to 0 or 1 than this are taken as this
_TRUSTED = {  # what classifiers of scikit-learn hold beside the types that skops trusts by itself
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
}


class Estimator(Protocol):
    """A scikit-learn classifier with probabilities."""

    classes_: NDArray[Any]

    def fit(self, features: NDArray[np.float32], labels: NDArray[np.int64], /) -> object:
        """Learn from features (N, D) and labels (N,)."""

    def predict_proba(self, features: NDArray[np.float32], /) -> NDArray[np.float64]:
        """Return probabilities (N, len(classes_))."""


def estimator_named(name: str, seed: int) -> Estimator:
    """Make one of `ESTIMATORS` on standardised features, its randomness drawn from `seed`.

    Raises:
        UserError: Unknown name.
    """
    if name not in ESTIMATORS:
        raise UserError(
            f"expected model.estimator to be one of {', '.join(ESTIMATORS)} or a node with _target_, "
            f"found '{name}'." + nearest(name, ESTIMATORS)
        )
    support_vectors = SVC(class_weight="balanced", random_state=seed)
    made = {
        "logistic": LogisticRegression(max_iter=2000, class_weight="balanced"),
        "svm": CalibratedClassifierCV(support_vectors, cv=3, ensemble=False),
        "random_forest": RandomForestClassifier(100, class_weight="balanced_subsample", random_state=seed),
        "gradient_boosting": HistGradientBoostingClassifier(random_state=seed),
    }
    pipeline: Estimator = make_pipeline(StandardScaler(), made[name])
    return pipeline


class EstimatorHead(nn.Module):
    """Features to logits by a scikit-learn classifier that is fitted once on the features collected so far.

    Until then all logits are 0. The fitted classifier is part of the state dict, as bytes in a tensor.

    Args:
        estimator: The classifier, not fitted.
        num_classes: 2 gives log-odds (B,) of class 1; K gives log-probabilities (B, K).
    """

    def __init__(self, estimator: Estimator, num_classes: int) -> None:
        super().__init__()
        self.estimator, self.num_classes = estimator, num_classes
        self.fitted = False
        self._content = torch.empty(0, dtype=torch.uint8)
        self.anchor = nn.Parameter(
            torch.zeros(1)
        )  # so that there are optimizer steps, by which Lightning counts
        self._features: list[Tensor] = []
        self._labels: list[Tensor] = []

    def collect(self, features: Tensor, labels: Tensor) -> None:
        """Keep features (B, D) and labels (B,) for the fit."""
        self._features.append(features.detach().float().cpu())
        self._labels.append(labels.cpu())

    def fit(self) -> tuple[Tensor, Tensor]:
        """Fit the classifier; return and forget what was collected, as features (N, D) and labels (N,).

        Raises:
            RunError: The classifier cannot be fitted to them.
        """
        if not self._features:
            raise RunError(
                "there is no labelled training sample to fit model.estimator to; check data.unlabelled"
            )
        features, labels = torch.cat(self._features), torch.cat(self._labels)
        self._features, self._labels = [], []
        try:
            self.estimator.fit(features.numpy(), labels.numpy())
        except ValueError as error:
            raise RunError(f"model.estimator cannot be fitted to the training features: {error}") from error
        self.fitted = True
        content = skops.io.dumps(self.estimator, compression=ZIP_DEFLATED)
        self._content = torch.from_numpy(np.frombuffer(content, np.uint8).copy())
        return features, labels

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (B,) for two classes, else (B, K), of features (B, D)."""
        probability = np.zeros((len(features), self.num_classes))
        if self.fitted:
            classes = self.estimator.classes_.astype(int)
            probability[:, classes] = self.estimator.predict_proba(features.detach().float().cpu().numpy())
        logarithm = np.log(probability.clip(_LEAST, 1 - _LEAST))
        logits = logarithm[:, 1] - logarithm[:, 0] if self.num_classes == 2 else logarithm
        return torch.from_numpy(logits).to(features.device, torch.float32) + 0.0 * self.anchor.sum()

    def get_extra_state(self) -> Tensor:
        """Return the fitted classifier as bytes (n,) uint8; empty before it is fitted."""
        return self._content

    def set_extra_state(self, state: Tensor) -> None:
        """Restore what `get_extra_state` returned.

        Raises:
            UserError: It holds a type that is not a known part of a scikit-learn classifier.
        """
        self.fitted = state.numel() > 0
        if self.fitted and not torch.equal(state.cpu(), self._content):
            self.estimator = _loaded(state.cpu().numpy().tobytes())
        self._content = state.cpu()

    def export(self, path: Path) -> None:
        """Write the fitted classifier to `path` as skops."""
        path.write_bytes(self._content.numpy().tobytes())


def _loaded(content: bytes) -> Estimator:
    unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - _TRUSTED)
    if unknown:
        raise UserError(
            f"the checkpoint's estimator holds types that are not trusted: {', '.join(unknown)}; "
            f"use one of {', '.join(ESTIMATORS)}"
        )
    estimator: Estimator = skops.io.loads(content, trusted=sorted(_TRUSTED))
    return estimator
