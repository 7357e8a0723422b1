"""A backbone made for RGB takes any number of channels."""

import torch
from torch import Tensor, nn


def first_conv(module: nn.Module) -> tuple[str, nn.Conv2d]:
    """Return the name and the layer of the first convolution of `module`."""
    return next((name, layer) for name, layer in module.named_modules() if isinstance(layer, nn.Conv2d))


def adapt_first_conv(module: nn.Module, in_channels: int) -> None:
    """Replace the first convolution of `module` in place by one that takes `in_channels`.

    With one channel the response is that of the original to the image repeated in each of its channels.
    """
    name, old = first_conv(module)
    if old.in_channels == in_channels:
        return
    new = nn.Conv2d(
        in_channels,
        old.out_channels,
        old.kernel_size,  # type: ignore[arg-type]
        old.stride,  # type: ignore[arg-type]
        old.padding,  # type: ignore[arg-type]
        old.dilation,  # type: ignore[arg-type]
        bias=old.bias is not None,
    )
    with torch.no_grad():
        new.weight.copy_(adapted(old.weight, in_channels))
        if old.bias is not None and new.bias is not None:
            new.bias.copy_(old.bias)
    parent, _, attribute = name.rpartition(".")
    setattr(module.get_submodule(parent), attribute, new)


def adapted(weight: Tensor, in_channels: int) -> Tensor:
    """Sum a kernel (O, C, h, w) over its channels and share the sum evenly among `in_channels`."""
    if weight.shape[1] == in_channels:
        return weight
    return weight.sum(1, keepdim=True).expand(-1, in_channels, -1, -1) / in_channels
