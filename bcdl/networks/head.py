"""Fully connected layers from features to logits."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Head(nn.Module):
    """Dropout and linear layers with ReLU between, always in full precision (half precision would tie ranks).

    Args:
        dim: Number of features.
        num_classes: Two classes give one logit, that of class 1; K classes give K.
        hidden: Widths of the hidden layers.
        dropout: Share of the features left out before each linear layer during training.
    """

    def __init__(
        self, dim: int, num_classes: int, *, hidden: Sequence[int] = (), dropout: float = 0.0
    ) -> None:
        super().__init__()
        outputs = 1 if num_classes == 2 else num_classes
        layers: list[nn.Module] = []
        for inputs, width in zip([dim, *hidden], hidden, strict=False):
            layers += [nn.Dropout(dropout), nn.Linear(inputs, width), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear([dim, *hidden][-1], outputs))

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (B,) for two classes, else (B, K), of features (B, dim)."""
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.layers(features.float())
        return logits.squeeze(-1) if logits.shape[-1] == 1 else logits
