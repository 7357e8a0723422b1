"""Attention rollout: how much of each patch arrives at the token that is classified.

It tells where a vision transformer looks, not what speaks for a class: it is the same for all classes.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from bcdl.data.batch import Batch
from bcdl.models import Classifier
from bcdl.networks.places import Places
from bcdl.networks.pooling import valid_views
from bcdl.networks.resize import undo_fit


def rollout(attention: Iterable[Tensor]) -> Tensor:
    """Return the attention (N, T, T) of the output to the input of layers that follow each other.

    Half of each layer's attention is its residual connection; rows sum up to 1 (Abnar and Zuidema, ACL 2020).

    Args:
        attention: Of each layer (N, T, T), the first layer first, rows sum up to 1.
    """
    total: Tensor | None = None
    for layer in attention:
        passed = (layer + torch.eye(layer.shape[-1], device=layer.device)) / 2
        total = passed if total is None else passed @ total
    if total is None:
        raise ValueError("expected the attention of at least one layer, found none")
    return total


def attends(model: Classifier) -> Places | None:
    """Return the patches of the model's vision transformer; None where the encoder is none.

    Every layer that attends has to see all tokens: windows and pooled tokens cannot be rolled out.
    """
    if model.encoder.reads != "image":
        return None
    with model.encoder.attention() as seen:
        places = model.encoder.places(model.input_size)
    if places is None or not places.tokens or not seen:
        return None
    whole = (1, places.tokens, places.tokens)
    return places if all(tuple(layer.shape) == whole for layer in seen) else None


@torch.no_grad()
def attention_rollout(model: Classifier, batch: Batch, target: int) -> Tensor:
    """Return the rollout (N, H, W) of the valid views, in the images' geometry.

    The row of the class token is taken where there is one, else the mean of all rows.

    Args:
        model: A model, held still, whose encoder is a vision transformer.
        batch: Samples on the model's device.
        target: Of no influence.
    """
    places = attends(model)
    if places is None:
        raise ValueError("the encoder is no vision transformer: methods_for(model) names what works")
    with model.encoder.attention() as seen:
        model.encode(valid_views(batch["image"], batch["view_mask"]))
    patches = _of_patches(seen, places)
    fitted = F.interpolate(patches[:, None], model.input_size, mode="bilinear").squeeze(1)
    height, width = batch["image"].shape[-2:]
    return undo_fit(fitted, (height, width))


def _of_patches(attention: Sequence[Tensor], places: Places) -> Tensor:
    """Return (N, h, w); class and register tokens come before the patches."""
    extra = places.tokens - places.grid[0] * places.grid[1]
    whole = rollout(attention)
    row = whole[:, 0] if extra else whole.mean(1)
    return row[:, extra:].view(-1, *places.grid)
