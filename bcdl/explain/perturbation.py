"""Maps by changing the images: integrated gradients and occlusion, both by captum (extra `explain`).

They are signed: positive where a pixel speaks for the class, negative where it speaks against it.
"""

from typing import cast

import torch
from torch import Tensor

from bcdl.data.batch import Batch
from bcdl.explain.baselines import baseline
from bcdl.explain.library import captum
from bcdl.explain.logits import logit_of, samples
from bcdl.models import Classifier
from bcdl.networks.pooling import valid_views

_VIEWS_AT_ONCE = 32
_WINDOWS = 8  # of occlusion, along a view's longer side


def integrated_gradients(
    model: Classifier, batch: Batch, target: int, *, steps: int = 32, kind: str = "dark"
) -> Tensor:
    """Return integrated gradients (N, H, W) of the valid views (Sundararajan et al., ICML 2017).

    All views of a sample go the way from the baseline together, so that the maps of a sample sum up to the
    difference of its logit between the two ends (completeness).

    Args:
        model: A model, held still, whose logits have gradients.
        batch: Samples on the model's device.
        target: The class.
        steps: Points of the Gauss-Legendre quadrature.
        kind: Of `baseline`, where the way begins.
    """
    others = {name: value for name, value in cast("dict[str, Tensor]", batch).items() if name != "image"}

    def logit(image: Tensor, *values: Tensor) -> Tensor:
        changed = cast(Batch, dict(zip(others, values, strict=True), image=image))
        return logit_of(model, model.encode_views(changed), changed, target)

    image = batch["image"]
    size = len(image) * max(1, _VIEWS_AT_ONCE // batch["view_mask"].numel())
    maps: Tensor = (
        captum()
        .IntegratedGradients(logit)
        .attribute(
            image,
            baseline(image.flatten(0, 1), kind).view_as(image),
            additional_forward_args=tuple(others.values()),
            n_steps=steps,
            internal_batch_size=size,
        )
    )
    return valid_views(maps.detach().sum(2), batch["view_mask"]).float()


@torch.no_grad()
def occlusion(
    model: Classifier,
    batch: Batch,
    target: int,
    *,
    window: int | None = None,
    stride: int | None = None,
    kind: str = "blur",
) -> Tensor:
    """Return by how much the logit falls when a window is hidden, (N, H, W) (Zeiler and Fergus, ECCV 2014).

    One window of one view is hidden at a time; the sample's other views stay, and are encoded only once.

    Args:
        model: A model, held still.
        batch: Samples on the model's device.
        target: The class.
        window: Side of the square in pixels; None takes an eighth of the longer side.
        stride: Pixels from one window to the next; None takes half a window.
        kind: Of `baseline`, what a window is hidden by.
    """
    mask, image = batch["view_mask"], batch["image"]
    encoded = model.encode_views(batch)
    present = mask if mask.shape[1] > 1 else torch.ones_like(mask)  # a single view always is
    places = present.nonzero()  # (N, 2) sample and slot

    def logit(view: Tensor, places: Tensor) -> Tensor:
        rows, slots = places.unbind(1)
        changed = encoded[rows]  # (N, V, D)
        changed[torch.arange(len(rows), device=rows.device), slots] = model.encode(view)
        return logit_of(model, changed, samples(batch, rows), target)

    view = valid_views(image, mask)
    height, width = view.shape[-2:]
    side = window or max(1, max(height, width) // _WINDOWS)
    shape = (view.shape[1], min(side, height), min(side, width))
    step = stride or max(1, side // 2)
    maps: Tensor = (
        captum()
        .Occlusion(logit)
        .attribute(
            view,
            sliding_window_shapes=shape,
            strides=(view.shape[1], min(step, shape[1]), min(step, shape[2])),
            baselines=baseline(view, kind),
            additional_forward_args=(places,),
            perturbations_per_eval=max(1, _VIEWS_AT_ONCE // len(view)),
        )
    )
    return maps[:, 0].float()  # the same in all channels, which are hidden together
