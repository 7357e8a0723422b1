"""Where a trunk last tells the places of an image apart: found by watching it once, for any architecture."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bcdl.networks.stillness import held_still

_Seen = list[tuple[nn.Module, torch.Size]]


@dataclass(frozen=True)
class Places:
    """The last map that a trunk makes of an image.

    Attributes:
        layer: The last layer that gives a map, (N, K, h, w) or, `channels_last`, (N, h, w, K).
        grid: Height and width of that map, together more than one place.
        channels_last: Whether the map's channels are its last axis.
        tokens: Length of the sequence that follows the map, as in a vision transformer, where the map is but
            the embedding of the patches; 0 where the map itself is pooled.
    """

    layer: nn.Module
    grid: tuple[int, int]
    channels_last: bool
    tokens: int


@torch.no_grad()
def last_places(trunk: nn.Module, image: Tensor, dim: int) -> Places | None:
    """Return where `trunk` last tells places apart, None where it never does.

    Args:
        trunk: The network; it is left as it was.
        image: An image (1, C, H, W) of the size that matters.
        dim: Number of the trunk's features, by which the axis of a map's channels is told.
    """
    with held_still(trunk), _outputs(trunk) as seen:
        trunk(image)
    tokens = seen[-1][1][1] if seen and len(seen[-1][1]) == 3 else 0
    for layer, shape in reversed(seen):
        if len(shape) == 4:
            channels_last = shape[3] == dim and shape[1] != dim
            height, width = shape[1:3] if channels_last else shape[2:]
            if not tokens or height * width <= tokens:  # attention looks like a map, but is larger
                return Places(layer, (height, width), channels_last, tokens)
    return None


@contextmanager
def _outputs(trunk: nn.Module) -> Iterator[_Seen]:
    """List the layers, by the order of their ends, whose outputs hold several places, and the shapes."""
    seen: _Seen = []

    def watch(layer: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor) and _has_places(output.shape):
            seen.append((layer, output.shape))

    handles = [
        layer.register_forward_hook(watch)
        for layer in trunk.modules()
        if not isinstance(layer, nn.AdaptiveAvgPool2d)  # VGG pools its map to 7 x 7 places
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _has_places(shape: torch.Size) -> bool:
    """Return whether an output is a map or a sequence (N, T, D) with more than one place."""
    if len(shape) == 4:
        return sum(side > 1 for side in shape[1:]) > 1
    return len(shape) == 3 and shape[1] > 1
