"""Hand-crafted features in the place of a network's, so that they go wherever an encoder goes."""

from typing import ClassVar, Literal

from torch import nn

from bcdl.features import FEATURES
from bcdl.networks.encoder import Encoder


class RadiomicsEncoder(Encoder):
    """Density, shape and texture of a view instead of learnt features: `tabular` of the batch, as it is.

    It has no weights and sees no pixel. The features were measured on the images as they are stored: neither
    `preprocess` nor `augment` nor an input size has any influence on them.

    Args:
        in_channels: Channels of the images, of which it takes no notice.
    """

    reads: ClassVar[Literal["image", "tabular"]] = "tabular"

    def __init__(self, in_channels: int = 1) -> None:
        super().__init__(nn.Identity(), name="radiomics", dim=len(FEATURES), in_channels=in_channels)
