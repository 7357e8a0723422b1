"""Classification losses over logits `(B,)` of the positive class or `(B, K)`.

Unlabelled rows (-1) do not count. The mean is over the labelled rows of the batch, also with class weights:
dividing by the weights' sum, as PyTorch does, lets them cancel out in a batch that holds one class only.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn

from bcdl.errors import RunError, UserError

Weights = Sequence[float] | Literal["balanced"] | None
UNLABELLED = -1
_TINY = 1e-12


class Loss(nn.Module, ABC):
    """Mean loss of the labelled rows.

    Args:
        class_weights: a factor a class; `balanced` waits for `fit_counts`.

    Raises:
        UserError: if the weights are not positive numbers.
    """

    weight: Tensor | None

    def __init__(self, class_weights: Weights = None) -> None:
        super().__init__()
        if isinstance(class_weights, str) and class_weights != "balanced":
            raise UserError(f"expected class weights null, 'balanced' or a list, got '{class_weights}'")
        self.balanced = class_weights == "balanced"
        listed = None if class_weights is None or isinstance(class_weights, str) else _positive(class_weights)
        self.register_buffer("weight", listed, persistent=False)

    def fit_counts(self, counts: Sequence[int]) -> None:
        """Learn balanced weights from the training labels; other settings ignore the call.

        A class's weight is `n / (K * n_k)`, which makes the classes weigh alike and the mean weight 1.

        Args:
            counts: number of labelled training samples of each class.

        Raises:
            UserError: if weights should be balanced and a class has no sample.
        """
        if not self.balanced:
            return
        if min(counts) == 0:
            raise UserError(
                f"balanced class weights need training samples of every class, found {list(counts)}"
            )
        weights = [sum(counts) / (len(counts) * count) for count in counts]
        device = None if self.weight is None else self.weight.device
        self.weight = torch.tensor(weights, dtype=torch.float32, device=device)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the scalar loss; 0 where no row is labelled.

        Args:
            logits: `(B,)` of the positive class, or `(B, K)`.
            labels: `(B,)` int64, 0..K-1, or -1 where unlabelled.

        Raises:
            UserError: if there are not as many weights as classes.
            RunError: if weights should be balanced and `fit_counts` was not called.
        """
        scores = class_scores(logits.float())
        weight = self._weight(scores)
        losses = self.losses(scores, labels, weight)  # (B,)
        return losses.sum() / (labels != UNLABELLED).sum().clamp(min=1)

    @abstractmethod
    def losses(self, scores: Tensor, labels: Tensor, weight: Tensor | None) -> Tensor:
        """Return the `(B,)` weighted losses of scores `(B, K)`, 0 where unlabelled."""

    def _weight(self, scores: Tensor) -> Tensor | None:
        if self.weight is None:
            if self.balanced:
                raise RunError(
                    "balanced class weights are not known: call fit_counts() with the training counts"
                )
            return None
        if len(self.weight) != scores.shape[1]:
            raise UserError(
                f"expected a weight for each of {scores.shape[1]} classes, got {self.weight.tolist()}"
            )
        return self.weight.to(scores.device)


class CrossEntropy(Loss):
    """Cross-entropy, which is binary cross-entropy for logits `(B,)`.

    Args:
        class_weights: None, `balanced`, or a factor a class.
        label_smoothing: share of each target that is spread evenly over all classes, 0 to below 1.
    """

    def __init__(self, class_weights: Weights = None, label_smoothing: float = 0.0) -> None:
        super().__init__(class_weights)
        if not 0 <= label_smoothing < 1:
            raise UserError(f"expected loss.label_smoothing from 0 to below 1, got {label_smoothing}")
        self.label_smoothing = label_smoothing

    def losses(self, scores: Tensor, labels: Tensor, weight: Tensor | None) -> Tensor:
        """Return the `(B,)` losses."""
        return F.cross_entropy(
            scores,
            labels,
            weight,
            ignore_index=UNLABELLED,
            reduction="none",
            label_smoothing=self.label_smoothing,
        )


class Focal(Loss):
    """Cross-entropy times `(1 - p)^gamma`, where p is the true class's probability.

    Args:
        gamma: 0 is cross-entropy; larger values turn from samples that are already right.
        alpha: None, `balanced`, a factor a class, or for two classes one number: the positive class's
            factor, the other class's being `1 - alpha`.

    Source:
        Lin et al., Focal Loss for Dense Object Detection, ICCV 2017.
    """

    def __init__(self, gamma: float = 2.0, alpha: Weights | float = None) -> None:
        if isinstance(alpha, int | float) and not 0 < alpha < 1:
            raise UserError(f"expected loss.alpha between 0 and 1, got {alpha}")
        super().__init__([1 - alpha, alpha] if isinstance(alpha, int | float) else alpha)
        if gamma < 0:
            raise UserError(f"expected loss.gamma of 0 or more, got {gamma}")
        self.gamma = gamma

    def losses(self, scores: Tensor, labels: Tensor, weight: Tensor | None) -> Tensor:
        """Return the `(B,)` losses."""
        unweighted = F.cross_entropy(scores, labels, ignore_index=UNLABELLED, reduction="none")
        wrong = (-torch.expm1(-unweighted)).clamp(min=_TINY)  # 1 - p; the slope of its power at 0 is infinite
        losses = wrong.pow(self.gamma) * unweighted
        return losses if weight is None else losses * weight[labels.clamp(min=0)]


def class_scores(logits: Tensor) -> Tensor:
    """Return `(B, K)` scores; a positive-class logit z becomes `[0, z]`, whose softmax holds its sigmoid."""
    return logits if logits.ndim == 2 else torch.stack([torch.zeros_like(logits), logits], dim=1)


def _positive(weights: Sequence[float]) -> Tensor:
    if min(weights) <= 0:
        raise UserError(f"expected positive class weights, got {list(weights)}")
    return torch.tensor(list(weights), dtype=torch.float32)
