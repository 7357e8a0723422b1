"""The contract of every encoder: images in, one feature vector an image out."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from bcdl.networks.attention import torch_attention
from bcdl.networks.checkpointing import checkpoint_blocks
from bcdl.networks.places import Places, last_places
from bcdl.networks.stages import stages_of
from bcdl.networks.weights import load_weights

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Encoder(nn.Module):
    """A trunk that turns images (N, C, H, W), mean 0 and standard deviation 1, into features (N, dim).

    Args:
        trunk: Network whose output has `dim` values an image.
        name: Name of the architecture, for messages and checkpoints.
        dim: Number of features.
        in_channels: Channels of the images.
        min_side: Height and width below which the trunk fails or has nothing left to see;
            `model.input_size=auto` enlarges smaller images.
        fixed_size: The only (height, width) that the trunk takes; None where it takes any.
        classifier: Name of the trunk's own classifier that was removed; its weights in a file are passed
            over.
        weights: Local file of weights; see `load_weights`.
        gradient_checkpointing: Trade time for memory during training; the results stay the same.
        channels_last: Keep images and kernels channels-last in memory, which is faster on recent hardware.
    """

    reads: ClassVar[Literal["image", "tabular"]] = "image"  # what it takes of a batch, view by view
    gain: Tensor
    offset: Tensor

    def __init__(
        self,
        trunk: nn.Module,
        *,
        name: str,
        dim: int,
        in_channels: int,
        min_side: int = 1,
        fixed_size: tuple[int, int] | None = None,
        classifier: str = "",
        weights: str | Path | None = None,
        gradient_checkpointing: bool = False,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.name, self.dim, self.in_channels = name, dim, in_channels
        self.min_side, self.fixed_size, self.classifier = min_side, fixed_size, classifier
        self.channels_last = channels_last
        self.register_buffer("gain", torch.ones(()))  # kept with the weights, which were made for them
        self.register_buffer("offset", torch.zeros(()))
        if weights is not None:
            load_weights(self, weights)
        if gradient_checkpointing:
            checkpoint_blocks([block for stage in self.stages for block in stage])
        if channels_last:
            self.to(memory_format=torch.channels_last)

    @property
    def stages(self) -> list[list[nn.Module]]:
        """The trunk's layers from input to output, in at most six stages."""
        return stages_of(self.trunk)

    def places(self, size: tuple[int, int]) -> Places | None:
        """Return where the trunk last tells places of images of (height, width) apart; None: nowhere."""
        if self.reads != "image":
            return None
        return last_places(self.trunk, self.gain.new_zeros(1, self.in_channels, *size), self.dim)

    def attention(self) -> AbstractContextManager[list[Tensor]]:
        """List, while the context is open, the attention (N, T, T) of each layer that has some."""
        return torch_attention(self.trunk)

    def expect(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Fit z-scored images to weights that were trained on images normalised with `mean` and `std`.

        A z-scored image is first given the mean and spread of ImageNet's grey values, then normalised as the
        weights expect. For the usual ImageNet normalisation the two steps cancel out and nothing is done.
        """
        centre, spread = sum(mean) / len(mean), sum(std) / len(std)
        self.gain.fill_(sum(IMAGENET_STD) / 3 / spread)
        self.offset.fill_((sum(IMAGENET_MEAN) / 3 - centre) / spread)

    def forward(self, image: Tensor) -> Tensor:
        """Return features (N, dim) of images (N, C, H, W)."""
        image = image * self.gain + self.offset
        if self.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        features: Tensor = self.trunk(image)
        return features.flatten(1)  # (N, dim)
