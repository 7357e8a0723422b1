"""Any backbone of timm by name (extra `timm`), without its classifier."""

from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bcdl.errors import UserError, nearest
from bcdl.networks.attention import timm_attention
from bcdl.networks.encoder import Encoder
from bcdl.networks.first_conv import adapt_first_conv

_SIDE = 64


class TimmEncoder(Encoder):
    """A timm model up to its pooled features.

    Args:
        name: Name of the model, as in `timm.list_models`.
        in_channels: Channels of the images; the first convolution is adapted by summing its weights.
        weights: None for random weights, `DEFAULT` for those that timm downloads, or a local file.
        gradient_checkpointing: Trade time for memory during training.
        channels_last: Keep images and kernels channels-last in memory.

    Raises:
        UserError: timm is not installed, the model is unknown or its weights cannot be had.
    """

    def __init__(
        self,
        name: str,
        in_channels: int = 1,
        *,
        weights: str | Path | None = None,
        gradient_checkpointing: bool = False,
        channels_last: bool = False,
    ) -> None:
        trunk = create(name, pretrained=weights == "DEFAULT")
        adapt_first_conv(trunk, in_channels)
        settings: dict[str, Any] = trunk.pretrained_cfg  # type: ignore[assignment]
        size = tuple(settings["input_size"][1:]) if settings.get("fixed_input_size") else None
        super().__init__(
            trunk,
            name=name,
            dim=_dim(trunk, in_channels, settings["input_size"][1:]),
            in_channels=in_channels,
            min_side=_SIDE,
            fixed_size=size,
            classifier=str(settings["classifier"]),
            weights=None if weights == "DEFAULT" else weights,
            gradient_checkpointing=gradient_checkpointing,
            channels_last=channels_last,
        )
        if weights == "DEFAULT":
            self.expect(settings["mean"], settings["std"])

    def attention(self) -> AbstractContextManager[list[Tensor]]:
        """List, while the context is open, the attention (N, T, T) of each layer that has some."""
        return timm_attention(self.trunk)


def create(name: str, *, num_classes: int = 0, pretrained: bool = False) -> nn.Module:
    """Build a timm model for three channels; without a classifier where `num_classes` is 0.

    Raises:
        UserError: timm is not installed, the model is unknown or its weights cannot be downloaded.
    """
    try:
        timm: Any = import_module("timm")
    except ModuleNotFoundError as error:
        raise UserError("encoder=timm needs the package timm: pip install 'bcdl[timm]'") from error
    known = timm.list_models()
    if name.split(".")[0] not in known:
        raise UserError(f"timm has no model '{name}'.{nearest(name, known)}")
    try:
        model: nn.Module = timm.create_model(name, pretrained=pretrained, num_classes=num_classes)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"timm cannot provide '{name}' with its weights ({error}); give a local file, or null"
        ) from error
    return model


@torch.no_grad()
def _dim(trunk: nn.Module, in_channels: int, size: tuple[int, int]) -> int:
    """Ask the model itself: its attributes disagree between families."""
    training = trunk.training
    features = trunk.eval()(torch.zeros(1, in_channels, *size))
    trunk.train(training)
    return int(features.flatten(1).shape[1])
