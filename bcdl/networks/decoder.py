"""From a latent code back to an image."""

from collections.abc import Sequence
from math import ceil

from torch import Tensor, nn


class Decoder(nn.Module):
    """A linear layer to a small map, then blocks that double it, then a convolution to the image.

    Args:
        latent: Length of the code.
        channels: Channels of the image.
        size: Height and width of the image; the last doubling is cropped to it.
        widths: Channels of each block, from the small map up.
    """

    def __init__(
        self, latent: int, channels: int, size: tuple[int, int], widths: Sequence[int] = (128, 64, 32, 16)
    ) -> None:
        super().__init__()
        factor = 2 ** len(widths)
        self.size = size
        self.map = (widths[0], ceil(size[0] / factor), ceil(size[1] / factor))
        self.expand = nn.Linear(latent, self.map[0] * self.map[1] * self.map[2])
        self.blocks = nn.Sequential(
            *(_block(i, o) for i, o in zip([widths[0], *widths], widths, strict=False)),
            nn.Conv2d(widths[-1], channels, 3, padding=1),
        )

    def forward(self, code: Tensor) -> Tensor:
        """Return images (N, C, height, width) of codes (N, latent)."""
        image: Tensor = self.blocks(self.expand(code).unflatten(1, self.map))
        return image[..., : self.size[0], : self.size[1]]


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2),
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
