"""From a batch to one map a view, by any method, for any model."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdl.data.batch import Batch
from bcdl.explain.logits import check_target, samples
from bcdl.explain.methods import MapFunction, method_for
from bcdl.models import Classifier
from bcdl.networks.pooling import scatter_views
from bcdl.networks.stillness import held_still

_VIEWS_AT_ONCE = 16


@dataclass(frozen=True)
class Explanation:
    """What a method says about a batch.

    Attributes:
        method: Its name.
        target: The class that is explained.
        maps: (B, V, H, W), one for each view in the geometry of its image, 0 where a view is missing. Larger
            values mean more evidence for the class (CAM, integrated gradients, occlusion), more attention or
            a larger error; integrated gradients and occlusion are negative where a pixel speaks against it.
    """

    method: str
    target: int
    maps: NDArray[np.float32]


def explain(model: Classifier, batch: Batch, method: str | MapFunction, target: int = 1) -> Explanation:
    """Explain a model's logits for a batch; the model stays as it is, its modes and hooks included.

    Args:
        model: The model; it is explained in evaluation mode and in float32.
        batch: Samples as `on_after_batch_transfer` makes them, on the model's device.
        method: Name of a method, or a function in its place, such as `partial(occlusion, window=16)`.
        target: The class whose logit is explained; of two classes 1 is the positive one.

    Raises:
        UserError: Unknown method or class, or a method that does not work for the model.
    """
    check_target(model, target)
    compute = method_for(model, method).maps if isinstance(method, str) else method
    slots = batch["view_mask"].shape[1]
    size = max(1, _VIEWS_AT_ONCE // slots)
    maps = []
    with held_still(model):
        for start in range(0, len(batch["view_mask"]), size):
            part = samples(batch, slice(start, start + size))
            maps.append(_placed(compute(model, part, target), part["view_mask"]))
    name = method if isinstance(method, str) else str(getattr(method, "__name__", "a function"))
    return Explanation(name, target, torch.cat(maps).cpu().numpy())


def _placed(views: Tensor, mask: Tensor) -> Tensor:
    """Put maps (N, H, W) of the valid views in their places among (B, V, H, W)."""
    placed = scatter_views(views.detach().float().flatten(1), mask)
    return placed.view(*mask.shape, *views.shape[1:])
