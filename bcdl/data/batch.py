"""The batch that every model takes, and the same arrays on the host before they become tensors.

`V` is the number of view slots, the same in all batches of a data set. Slots without a view hold 0.
"""

from typing import NotRequired, TypedDict, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

UNLABELLED = -1


class Batch(TypedDict):
    """A batch of samples.

    Attributes:
        image: (B, V, C, H, W) uint8 or uint16 on the host, normalised float32 on the device.
        view_mask: (B, V) bool, which slots hold a view.
        view: (B, V) int64, position in `VIEWS`.
        laterality: (B, V) int64, position in `LATERALITIES`.
        time: (B, V) float32, years before the newest exam of the sample.
        label: (B,) int64, 1 = positive where there are two classes, -1 = unlabelled.
        index: (B,) int64, row of the sample table.
        tabular: (B, V, F) float32, the store's features of every view, where the encoder takes them.
    """

    image: Tensor
    view_mask: Tensor
    view: Tensor
    laterality: Tensor
    time: Tensor
    label: Tensor
    index: Tensor
    tabular: NotRequired[Tensor]


class Sample(TypedDict):
    """The same as arrays: of one sample without the axis B, of several with it."""

    image: NDArray[np.uint8 | np.uint16]
    view_mask: NDArray[np.bool_]
    view: NDArray[np.int64]
    laterality: NDArray[np.int64]
    time: NDArray[np.float32]
    label: NDArray[np.int64]
    index: NDArray[np.int64]
    tabular: NotRequired[NDArray[np.float32]]


def collate(samples: Sample) -> Batch:
    """Turn the stacked arrays of several samples into tensors that share their memory."""
    return cast(Batch, {name: torch.from_numpy(array) for name, array in samples.items()})
