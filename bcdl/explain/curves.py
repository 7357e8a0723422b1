"""Deletion and insertion: how fast the probability falls, or rises, as pixels go or come by a map's order.

Petsiuk et al., "RISE" (BMVC 2018). A map that names what the model uses has a small area under its deletion
curve and a large one under its insertion curve. A sample's views are ranked together.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdl.data.batch import Batch
from bcdl.errors import UserError
from bcdl.explain.baselines import baseline
from bcdl.explain.logits import check_target, probability_of, with_values
from bcdl.models import Classifier
from bcdl.networks.stillness import held_still

Maps = NDArray[np.float32]
Predict = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class PerturbationCurve:
    """The probability of a class as pixels are exchanged.

    Attributes:
        share: (S + 1,), share of the pixels that are exchanged, from 0 to 1.
        probability: (B, S + 1), of each sample.
    """

    share: NDArray[np.float64]
    probability: NDArray[np.float64]

    @property
    def area(self) -> NDArray[np.float64]:
        """The area under each sample's curve, (B,), from 0 to 1."""
        return np.asarray(np.trapezoid(self.probability, self.share, axis=1))


def deletion_curve(
    model: Classifier, batch: Batch, maps: Maps, *, target: int = 1, steps: int = 20, kind: str = "mean"
) -> PerturbationCurve:
    """Take pixels away, those of the largest values first, until only the baseline is left.

    Args:
        model: A model of images.
        batch: Samples on the model's device.
        maps: (B, V, H, W), as `explain` gives them.
        target: The class whose probability is followed.
        steps: Equal shares in which the pixels go.
        kind: Of `baseline`, what takes their place.

    Raises:
        UserError: Unknown class or baseline, or maps of another geometry.
    """
    return _curve(model, batch, maps, target, steps, kind, inserted=False)


def insertion_curve(
    model: Classifier, batch: Batch, maps: Maps, *, target: int = 1, steps: int = 20, kind: str = "blur"
) -> PerturbationCurve:
    """Put pixels into the baseline, those of the largest values first, until the images are whole.

    The arguments and errors are those of `deletion_curve`.
    """
    return _curve(model, batch, maps, target, steps, kind, inserted=True)


def exchange_curve(
    predict: Predict, start: Tensor, end: Tensor, order: Tensor, steps: int
) -> PerturbationCurve:
    """Go from one set of images to another, pixel by pixel.

    Args:
        predict: Images (B, V, C, H, W) to probabilities (B,).
        start: Images at the start.
        end: Images at the end.
        order: (B, V, H, W), share of the sample's pixels that go before a pixel; 1 or more: it never goes.
        steps: Equal shares in which pixels go.
    """
    shares = np.linspace(0, 1, steps + 1)
    found = [predict(torch.where((order < share)[:, :, None], end, start)) for share in shares.tolist()]
    return PerturbationCurve(shares, torch.stack(found, 1).double().cpu().numpy())


def exchange_order(maps: Maps, view_mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of a sample's pixels with larger values (B, V, H, W); 1 or more in missing views.

    Equal values go from the first view to the last, row by row.
    """
    values = np.where(view_mask[:, :, None, None], maps, -np.inf).reshape(len(maps), -1)
    order = np.argsort(-values, axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(order.shape[1])[None], axis=1)
    pixels = view_mask.sum(1) * maps.shape[2] * maps.shape[3]
    share: NDArray[np.float64] = place.reshape(maps.shape) / np.maximum(pixels, 1)[:, None, None, None]
    return share


@torch.no_grad()
def _curve(
    model: Classifier, batch: Batch, maps: Maps, target: int, steps: int, kind: str, *, inserted: bool
) -> PerturbationCurve:
    check_target(model, target)
    image, mask = batch["image"], batch["view_mask"]
    expected = (*mask.shape, *image.shape[-2:])
    if maps.shape != expected:
        raise UserError(f"expected maps of the images' geometry {expected}, found {maps.shape}")
    without = baseline(image.flatten(0, 1), kind).view_as(image)
    order = torch.from_numpy(exchange_order(maps, mask.cpu().numpy())).to(image.device)
    start, end = (without, image) if inserted else (image, without)

    def predict(changed: Tensor) -> Tensor:
        return probability_of(model(with_values(batch, image=changed)), target)

    with held_still(model):
        return exchange_curve(predict, start, end, order, steps)
