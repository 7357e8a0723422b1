"""Does a map depend on what the model has learnt? The model parameter randomisation test.

Adebayo et al., "Sanity checks for saliency maps" (NeurIPS 2018): parameters are drawn at random from the head
down, and the maps before and after are compared by Spearman's rank correlation of their absolute values. The
paper shows curves and sets no cutoff. Ours, 0.5, is a convention: below it the two maps share less than a
quarter of their ranks' variance. Beside it stands how alike maps of different views are by the trained model,
that is, whatever the view: Arun et al. (Radiology: Artificial Intelligence 2021) take that, by structural
similarity, as the cutoff.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import nn

from bcdl.data.batch import Batch
from bcdl.errors import UserError
from bcdl.explain.explanation import explain
from bcdl.explain.methods import MapFunction
from bcdl.explain.regions import breasts
from bcdl.models import Classifier

CUTOFF = 0.5
_PAIRS = 50  # of different views, as Arun et al. take
Maps = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class RandomisationCheck:
    """What became of the maps.

    Attributes:
        table: A row a step: `randomised`, what was drawn at random in it, on top of the steps before;
            `correlation` with the maps of the trained model, mean over views and draws; and `spread`, its
            standard deviation from draw to draw.
        unrelated: Mean correlation of the trained model's maps of different views, where both show breast.
        cutoff: Correlation below which the check is passed.
    """

    table: pd.DataFrame
    unrelated: float
    cutoff: float = CUTOFF

    @property
    def passed(self) -> bool:
        """Whether the maps lost their likeness by the last step."""
        return bool(self.table["correlation"].iloc[-1] < self.cutoff)


def randomisation_check(
    model: Classifier,
    batch: Batch,
    method: str | MapFunction,
    target: int = 1,
    *,
    regions: Mask | None = None,
    stages: int | None = None,
    draws: int = 5,
    seed: int = 0,
) -> RandomisationCheck:
    """Compare maps before and after the model's parameters are drawn at random, from the head down.

    Args:
        model: The model; afterwards its parameters are what they were, to the bit.
        batch: Samples on the model's device.
        method: Name of a method, or a function in its place.
        target: The class that is explained.
        regions: (B, V, H, W), where maps are compared; None takes the breasts. In the air many maps are 0
            whatever the model (integrated gradients are, where the image is its baseline).
        stages: Stages of the encoder, from its last, that are drawn at random; None takes all.
        draws: How often all is drawn. Maps have much in common whatever the view, their borders for one, so
            that a single draw may give any correlation, its sign by chance.
        seed: Of what is drawn.

    Raises:
        UserError: Unknown method or class, a method that does not work for the model, or maps that are the
            same everywhere and so have no ranks.
    """
    shown = batch["view_mask"].cpu().numpy()
    inside = (breasts(batch) if regions is None else regions)[shown]  # (N, H, W)
    before = _magnitudes(model, batch, method, target)
    if not any(_differs(view[region]) for view, region in zip(before, inside, strict=True)):
        raise UserError(
            "expected maps that differ from place to place, found the same everywhere in all views"
        )
    cascades = []
    for drawn in np.random.SeedSequence(seed).generate_state(draws).tolist():
        with _restored(model):
            cascades.append(
                {
                    name: _mean_correlation(before, _magnitudes(model, batch, method, target), inside)
                    for name in _randomised(model, stages, torch.Generator().manual_seed(drawn))
                }
            )
    found = pd.DataFrame(cascades)  # (draws, steps)
    table = pd.DataFrame({"correlation": found.mean(), "spread": found.std(ddof=0)})
    return RandomisationCheck(table.rename_axis("randomised").reset_index(), _unrelated(before, inside, seed))


def rank_correlation(first: Maps, second: Maps) -> float:
    """Return Spearman's correlation of two maps; 0 where one is the same everywhere: it has no ranks left."""
    if not (_differs(first) and _differs(second)):
        return 0.0
    return float(spearmanr(first, second, axis=None).statistic)


def _differs(values: Maps) -> bool:
    return bool(values.size and values.min() < values.max())


def _magnitudes(model: Classifier, batch: Batch, method: str | MapFunction, target: int) -> Maps:
    """Return the absolute maps (N, H, W) of the views that are there."""
    shown = batch["view_mask"].cpu().numpy()
    magnitudes: Maps = np.abs(explain(model, batch, method, target).maps[shown])
    return magnitudes


def _mean_correlation(before: Maps, after: Maps, inside: Mask) -> float:
    """Return the mean over the views, but for those whose map had no ranks before."""
    views = [(a[region], b[region]) for a, b, region in zip(before, after, inside, strict=True)]
    return float(np.mean([rank_correlation(a, b) for a, b in views if _differs(a)]))


def _unrelated(maps: Maps, inside: Mask, seed: int) -> float:
    generator = np.random.default_rng(seed)
    draws = _PAIRS if len(maps) > 1 else 0
    pairs = [generator.choice(len(maps), 2, replace=False).tolist() for _ in range(draws)]
    both = [(a, b, inside[a] & inside[b]) for a, b in pairs]
    found = [rank_correlation(maps[a][region], maps[b][region]) for a, b, region in both if region.any()]
    return float(np.mean(found)) if found else float("nan")


@contextmanager
def _restored(model: nn.Module) -> Iterator[None]:
    """Give every parameter its own value back in the end."""
    before = [(parameter, parameter.detach().clone()) for parameter in model.parameters()]
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, value in before:
                parameter.copy_(value)


def _randomised(model: Classifier, stages: int | None, generator: torch.Generator) -> Iterator[str]:
    """Draw one part of the model after the other at random, and yield the name of each."""
    for name, layers in _parts(model, stages):
        for layer in layers:
            _draw(layer, generator)
        yield name


def _parts(model: Classifier, stages: int | None) -> Iterator[tuple[str, list[nn.Module]]]:
    """Yield the model's parts from the top: head, what is between it and the encoder, the stages."""
    yield "head", [model.head]
    own = {model.head, model.encoder, model.loss}
    between = [part for part in model.children() if part not in own and any(True for _ in part.parameters())]
    if between:
        yield "features to head", between
    depth = len(model.encoder.stages)
    lowest = 0 if stages is None else max(0, depth - stages)
    for number in range(depth - 1, lowest - 1, -1):
        yield f"encoder stage {number + 1}", model.encoder.stages[number]


@torch.no_grad()
def _draw(layer: nn.Module, generator: torch.Generator) -> None:
    """Draw each parameter from a normal distribution with its own mean and spread.

    What was learnt is lost, but not the scale: under layers initialised as usual, beside statistics and norms
    that were trained, activations would vanish or explode, and maps with them.
    """
    for parameter in layer.parameters():
        noise = torch.randn(parameter.shape, generator=generator).to(parameter.device)
        parameter.copy_(parameter.mean() + parameter.std(correction=0) * noise)
