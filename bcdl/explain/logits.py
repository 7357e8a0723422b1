"""The logit of one class, and parts of a batch: what all methods stand on."""

from typing import cast

import torch
from torch import Tensor

from bcdl.data.batch import Batch
from bcdl.errors import UserError
from bcdl.models import Classifier


def check_target(model: Classifier, target: int) -> None:
    """Raise UserError unless `target` is one of the model's classes."""
    if not 0 <= target < model.num_classes:
        raise UserError(
            f"expected target to be a class from 0 to {model.num_classes - 1}, found {target}; of two "
            "classes 1 is the positive one"
        )


def logit_of(model: Classifier, encoded: Tensor, batch: Batch, target: int) -> Tensor:
    """Return the logit (B,) of class `target` for samples whose views have features (B, V, D)."""
    with torch.backends.cudnn.flags(enabled=False):  # its recurrent layers have gradients in training alone
        logits: Tensor = model.head(model.pool(encoded, batch))
    return of_class(logits, target)


def of_class(logits: Tensor, target: int) -> Tensor:
    """Return the logit (B,) of one class; of two classes, (B,), that of class 0 is the negative."""
    if logits.ndim == 1:
        return logits if target == 1 else -logits
    return logits[:, target]


def probability_of(logits: Tensor, target: int) -> Tensor:
    """Return the probability (B,) of one class for logits (B,) or (B, K)."""
    if logits.ndim == 1:
        return of_class(logits, target).sigmoid()
    return logits.softmax(1)[:, target]


def samples(batch: Batch, rows: Tensor | slice | list[int]) -> Batch:
    """Return some samples of a batch, repeated where `rows` repeats them."""
    values = cast("dict[str, Tensor]", batch)
    return cast(Batch, {name: value[rows] for name, value in values.items()})


def with_values(batch: Batch, **values: Tensor) -> Batch:
    """Return the batch with some values in the place of its own."""
    return cast(Batch, {**batch, **values})
