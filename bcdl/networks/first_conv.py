"""A backbone made for RGB takes any number of channels."""

from torch import Tensor, nn


def first_conv(module: nn.Module) -> tuple[str, nn.Conv2d]:
    """Return the name and the layer of the first convolution of `module`."""
    return next((name, layer) for name, layer in module.named_modules() if isinstance(layer, nn.Conv2d))


def adapt_first_conv(module: nn.Module, in_channels: int) -> None:
    """Let the first convolution of `module` take `in_channels`, in place; it stays the layer that it is.

    With one channel the response is that of the original to the image repeated in each of its channels.
    """
    _, conv = first_conv(module)
    conv.weight = nn.Parameter(adapted(conv.weight.detach(), in_channels).contiguous())
    conv.in_channels = in_channels


def adapted(weight: Tensor, in_channels: int) -> Tensor:
    """Sum a kernel (O, C, h, w) over its channels and share the sum evenly among `in_channels`."""
    if weight.shape[1] == in_channels:
        return weight
    return weight.sum(1, keepdim=True).expand(-1, in_channels, -1, -1) / in_channels
