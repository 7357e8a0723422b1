"""The classical baseline: hand-crafted features into a scikit-learn classifier."""

from typing import Any

import torch
from torch import Tensor

from bcdl.data.batch import Batch
from bcdl.errors import UserError
from bcdl.models.estimator import Estimator
from bcdl.models.transfer import Transfer
from bcdl.networks import Encoder


class Radiomics(Transfer):
    """Features of every view, their mean and range over a sample's valid views, and a separate classifier.

    The features are those of the store's table (`tabular` of the batch).
    The classifier is fitted at the end of the first epoch, with which training ends.

    Args:
        encoder: A `RadiomicsEncoder`, which hands on the features of the batch.
        estimator: A name of `ESTIMATORS`, on standardised features, or a scikit-learn classifier.
        seed: Of the estimator's randomness.
        **settings: Those of `Classifier`.

    Raises:
        UserError: Another encoder or an unknown estimator.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        estimator: str | Estimator = "logistic",
        seed: int = 0,
        **settings: Any,  # noqa: ANN401 - the arguments of Classifier
    ) -> None:
        if encoder.reads != "tabular":
            raise UserError(
                f"expected encoder=radiomics for model=radiomics, found {encoder.name}: leave encoder out, "
                "or set model=transfer model.mode=separate_classifier, which takes any"
            )
        super().__init__(encoder, mode="separate_classifier", estimator=estimator, seed=seed, **settings)

    @property
    def single_device(self) -> str:
        """The classifier is fitted to what one device has seen."""
        return "model=radiomics"

    def pooled_dim(self) -> int:
        """Return the number of features of a sample."""
        return 2 * self.encoder.dim

    def pool(self, features: Tensor, batch: Batch) -> Tensor:
        """Return mean and range (B, 2 D) of features (B, V, D) over the valid views; one view has range 0."""
        gaps = ~batch["view_mask"].unsqueeze(-1)
        highest = features.masked_fill(gaps, -torch.inf).amax(1)
        lowest = features.masked_fill(gaps, torch.inf).amin(1)
        return torch.cat([super().pool(features, batch), highest - lowest], dim=1)
