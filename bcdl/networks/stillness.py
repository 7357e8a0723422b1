"""A network held still while one looks into it, and then as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def held_still(network: nn.Module) -> Iterator[None]:
    """Put every layer in evaluation mode and freeze every parameter; afterwards each is as it was before.

    With frozen parameters a gradient is computed from where it is asked for, no further, and no graph is kept
    before that.
    """
    training = [(layer, layer.training) for layer in network.modules()]
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    try:
        network.eval().requires_grad_(False)
        yield
    finally:
        for layer, mode in training:
            layer.training = mode
        for parameter in learning:
            parameter.requires_grad_(True)
