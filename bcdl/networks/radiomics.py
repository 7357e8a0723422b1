"""Hand-crafted features in the place of a network's, so that they go wherever an encoder goes."""

import numpy as np
import torch
from torch import Tensor, nn

from bcdl.features import FEATURES, feature_table
from bcdl.networks.encoder import Encoder

_TINY = torch.finfo(torch.float32).tiny


class RadiomicsEncoder(Encoder):
    """Density, shape and texture of an image instead of learnt features (extra `radiomics`).

    It has no weights and passes no gradient on. Normalised images are as good as raw ones: each is stretched
    to its own range of grey values, so that what `preprocess` multiplies by and adds drops out, but for
    rounding. What it clips (`percentile`) or bends (`clahe`, `histogram_match`) does change the features.

    Args:
        in_channels: Channels of the images, 1 or 3.
    """

    def __init__(self, in_channels: int = 1) -> None:
        super().__init__(_Measure(), name="radiomics", dim=len(FEATURES), in_channels=in_channels)


class _Measure(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        """Return features (N, F) of images (N, C, H, W)."""
        stretched = _sixteen_bit(image.detach().float()).movedim(1, -1)  # (N, H, W, C)
        return torch.from_numpy(feature_table(stretched.cpu().numpy().astype(np.uint16))).to(image.device)


def _sixteen_bit(image: Tensor) -> Tensor:
    """Stretch each image's grey values to the whole numbers of 0 to 65535; an even image becomes 0."""
    low, high = (extreme(dim=(1, 2, 3), keepdim=True) for extreme in (image.amin, image.amax))
    return ((image - low) / (high - low).clamp(min=_TINY) * 65535).round()
