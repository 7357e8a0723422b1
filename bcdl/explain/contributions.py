"""Which of a sample's views drove its logit: by leaving views out, through the model's own mask.

The views are encoded once; then the model pools and classifies some of them. So a contribution is measured
by what the model says without a view: `cnn` averages over fewer views, and `cnn_rnn` reads a shorter
sequence, so that order and interplay of the views count. Without any view a model has no logit: `empty` takes
its place, by default 0, which for two classes is a probability of one half.
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdl.data.batch import Batch
from bcdl.errors import UserError
from bcdl.explain.logits import check_target, logit_of, with_values
from bcdl.models import Classifier
from bcdl.networks.stillness import held_still

_MOST_VIEWS = 8  # 256 combinations


@torch.no_grad()
def leave_one_out(
    model: Classifier, batch: Batch, target: int = 1, empty: float = 0.0
) -> NDArray[np.float32]:
    """Return by how much the logit falls without each view, (B, V); 0 where a view is missing.

    They need not sum up to anything: two views that show the same lesion may each be dispensable.

    Args:
        model: Any model.
        batch: Samples on the model's device.
        target: The class whose logit is meant; of two classes 1 is the positive one.
        empty: Logit of a sample without views, with which one that has a single view is compared.

    Raises:
        UserError: Unknown class.
    """
    check_target(model, target)
    slots = batch["view_mask"].shape[1]
    others = [[other for other in range(slots) if other != slot] for slot in range(slots)]
    with held_still(model):
        encoded = model.encode_views(batch)
        whole = _logit_with(model, encoded, batch, range(slots), target, empty)
        without = [_logit_with(model, encoded, batch, kept, target, empty) for kept in others]
    falls = (whole[:, None] - torch.stack(without, 1)).float()
    return falls.masked_fill(~batch["view_mask"], 0).cpu().numpy()


@torch.no_grad()
def shapley_values(
    model: Classifier, batch: Batch, target: int = 1, empty: float = 0.0
) -> NDArray[np.float32]:
    """Return each view's share of the logit, (B, V), exactly; 0 where a view is missing (Shapley, 1953).

    A sample's shares sum up to its logit less `empty`.

    Args:
        model: Any model.
        batch: Samples of at most 8 views on the model's device.
        target: The class whose logit is meant; of two classes 1 is the positive one.
        empty: Logit of a sample without views.

    Raises:
        UserError: Unknown class, or more views.
    """
    check_target(model, target)
    slots = batch["view_mask"].shape[1]
    if slots > _MOST_VIEWS:
        raise UserError(
            f"expected at most {_MOST_VIEWS} views for Shapley values, found {slots}: take leave_one_out, or "
            "a smaller data.unit"
        )
    sets = [kept for size in range(slots + 1) for kept in combinations(range(slots), size)]
    with held_still(model):
        encoded = model.encode_views(batch)
        logit = {kept: _logit_with(model, encoded, batch, kept, target, empty) for kept in sets}
    shares = encoded.new_zeros(batch["view_mask"].shape)
    for kept in sets:
        for slot in set(range(slots)) - set(kept):
            gain = logit[tuple(sorted((*kept, slot)))] - logit[kept]
            shares[:, slot] += gain / (slots * comb(slots - 1, len(kept)))
    return shares.float().masked_fill(~batch["view_mask"], 0).cpu().numpy()


def _logit_with(
    model: Classifier,
    encoded: Tensor,
    batch: Batch,
    kept: Sequence[int],
    target: int,
    empty: float,
) -> Tensor:
    """Return the logit (B,) of samples that have of their views (B, V, D) only those in the slots `kept`."""
    chosen = torch.zeros_like(batch["view_mask"])
    chosen[:, list(kept)] = True
    mask = batch["view_mask"] & chosen
    some = mask.any(1)
    mask = torch.where(
        some[:, None], mask, batch["view_mask"]
    )  # a model need not bear a sample without views
    features = encoded.masked_fill(~mask[..., None], 0)
    logit = logit_of(model, features, with_values(batch, view_mask=mask), target)
    return torch.where(some, logit, empty)
