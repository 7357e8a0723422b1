"""A small convolutional network, sized by config, for images from 28 x 28 up."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from bcdl.networks.encoder import Encoder


class SmallCNN(Encoder):
    """Blocks of convolution, batch norm, ReLU and 2 x 2 max pooling, then the mean over the map.

    Args:
        in_channels: Channels of the images.
        widths: Channels of each block; the last is the number of features.
        kernel_size: Side of every kernel, odd.
        convolutions: Convolutions a block.
        weights: Local file of weights; see `load_weights`.
        gradient_checkpointing: Trade time for memory during training.
        channels_last: Keep images and kernels channels-last in memory.
    """

    def __init__(
        self,
        in_channels: int = 1,
        *,
        widths: Sequence[int] = (16, 32, 64, 128),
        kernel_size: int = 3,
        convolutions: int = 2,
        weights: str | Path | None = None,
        gradient_checkpointing: bool = False,
        channels_last: bool = False,
    ) -> None:
        inputs = [in_channels, *widths[:-1]]
        blocks = [_block(i, o, kernel_size, convolutions) for i, o in zip(inputs, widths, strict=True)]
        super().__init__(
            nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1)),
            name="small_cnn",
            dim=widths[-1],
            in_channels=in_channels,
            min_side=2 ** len(widths),
            weights=weights,
            gradient_checkpointing=gradient_checkpointing,
            channels_last=channels_last,
        )


def _block(inputs: int, outputs: int, kernel_size: int, convolutions: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for position in range(convolutions):
        channels = inputs if position == 0 else outputs
        layers += [
            nn.Conv2d(channels, outputs, kernel_size, padding=kernel_size // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers, nn.MaxPool2d(2))
