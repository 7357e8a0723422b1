"""The depth of a network as a short list of stages, input to output.

Staged unfreezing and depth-wise learning rates work on these; which layers a stage holds follows from the
module tree alone, so that any backbone has them.
"""

import numpy as np
from torch import nn

_FEWEST = 4
_MOST = 6


def stages_of(trunk: nn.Module) -> list[list[nn.Module]]:
    """Split `trunk` into at most six stages that together hold each of its parameters once.

    The largest child is opened until at least four blocks hold weights (so `layer1` to `layer4` of a ResNet
    stay whole and a `features` container does not). Normalisation belongs to the stage before it; parameters
    that sit beside the blocks (class token, position embedding) belong to the first stage.
    """
    stages: list[list[nn.Module]] = [[]]
    for block in _blocks(trunk):
        if _has_weights(block) and any(map(_has_weights, stages[-1])):
            stages.append([])
        stages[-1].append(block)
    merged = [
        [block for position in group for block in stages[position]]
        for group in np.array_split(np.arange(len(stages)), min(_MOST, len(stages)))
    ]
    merged[0].append(_loose_parameters(trunk, merged))
    return merged


def _blocks(trunk: nn.Module) -> list[nn.Module]:
    blocks = list(trunk.children())
    while sum(map(_has_weights, blocks)) < _FEWEST:
        openable = [block for block in blocks if any(True for _ in block.children())]
        if not openable:
            break
        largest = max(openable, key=_size)
        position = blocks.index(largest)
        blocks[position : position + 1] = largest.children()
    return blocks


def _loose_parameters(trunk: nn.Module, stages: list[list[nn.Module]]) -> nn.ParameterList:
    held = {id(parameter) for stage in stages for block in stage for parameter in block.parameters()}
    return nn.ParameterList([parameter for parameter in trunk.parameters() if id(parameter) not in held])


def _has_weights(block: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in block.parameters())


def _size(block: nn.Module) -> int:
    return sum(parameter.numel() for parameter in block.parameters())
