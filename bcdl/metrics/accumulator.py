"""Predictions of one epoch, gathered over batches and processes, then measured once."""

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from bcdl.metrics.classification import classification_metrics
from bcdl.metrics.probabilities import as_array, to_probabilities


class PredictionAccumulator(Metric):
    """Keep logits, labels and sample indices until the epoch ends.

    A sample that comes twice counts once, the first time: a distributed sampler pads its last batch with
    repeated samples.

    Args:
        threshold: probability from which a sample counts as positive.
    """

    full_state_update = False
    logits: list[Tensor]
    labels: list[Tensor]
    index: list[Tensor]

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        self.threshold = threshold
        for name in ("logits", "labels", "index"):
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def update(self, logits: Tensor, labels: Tensor, index: Tensor) -> None:
        """Add one batch.

        Args:
            logits: `(B,)` of the positive class, or `(B, K)`.
            labels: `(B,)`, -1 where unlabelled.
            index: `(B,)` rows of the sample table.
        """
        self.logits.append(logits.detach().float())
        self.labels.append(labels)
        self.index.append(index)

    def compute(self) -> dict[str, float]:
        """Return every metric of `METRICS`."""
        _, logits, labels = self.predictions()
        return classification_metrics(labels, to_probabilities(logits), self.threshold)

    def predictions(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return `(N,)` sample indices in ascending order, their logits and labels, each sample once."""
        index = dim_zero_cat(self.index)
        _, first = np.unique(as_array(index), return_index=True)
        keep = torch.from_numpy(first).to(index.device)
        return index[keep], dim_zero_cat(self.logits)[keep], dim_zero_cat(self.labels)[keep]
