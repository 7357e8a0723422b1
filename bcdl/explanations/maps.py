"""The maps of a run's samples by every method: those that are shown, and what all of them are worth."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data import Batch
from bcdl.data.progress import progress
from bcdl.errors import UserError
from bcdl.explain import (
    METHODS,
    Lesions,
    RandomisationCheck,
    explain,
    methods_for,
    randomisation_check,
    usual_methods,
)
from bcdl.explain.baselines import brightness
from bcdl.explain.library import captum, has_captum
from bcdl.explain.logits import samples
from bcdl.explain.methods import MapFunction, method_for
from bcdl.explain.scoring import Maps, Masks, Scored, areas, random_maps, score
from bcdl.explanations.examined import Examined
from bcdl.models import Classifier

_LOG = logging.getLogger(__name__)
BRIGHTNESS = "brightness"
CHECKED_VIEWS = 16


@dataclass(frozen=True)
class Explained:
    """What one method said.

    Attributes:
        shown: The maps (V, H, W) of the samples on the sheets, by position.
        scored: What its maps are worth; empty where no lesion is known.
    """

    shown: dict[int, Maps]
    scored: Scored


def chosen_methods(model: Classifier, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Return the methods that explain a model: those wanted, or the usual ones that are installed.

    Raises:
        UserError: One of those wanted does not work for the model, or needs captum, which is missing.
    """
    if wanted is not None:
        for name in wanted:
            if method_for(model, name).captum:
                captum()
        return tuple(dict.fromkeys(wanted))
    usual = usual_methods(model)
    if not usual:
        _LOG.info("no maps: %s reads features, not images", model.encoder.name)
    left_out = [name for name in usual if METHODS[name].captum and not has_captum()]
    if left_out:
        _LOG.warning("%s left out: captum is missing (pip install 'bcdl[explain]')", ", ".join(left_out))
    costly = [name for name in methods_for(model) if name not in usual]
    if costly:
        _LOG.info("%s left out, for it takes long: methods=[%s] asks for it", *([", ".join(costly)] * 2))
    return tuple(name for name in usual if name not in left_out)


def scored_positions(examined: Examined, lesions: Lesions, most: int, seed: int) -> list[int]:
    """Return the samples of which maps are scored: with a lesion that is located, and of another class.

    Samples of the class without a located lesion are left out: a mark in them may be right.

    Args:
        examined: What is explained.
        lesions: Those of its class.
        most: At most so many of each kind, drawn at random.
        seed: Of that.
    """
    located = lesions.shown(examined.samples)
    other = (examined.label >= 0) & (examined.label != examined.target) & ~located
    generator = np.random.default_rng(seed)
    parts = [generator.permutation(np.flatnonzero(kind))[:most] for kind in (located, other)]
    return np.sort(np.concatenate(parts)).tolist() if located.any() else []


def explained(
    examined: Examined,
    methods: Sequence[str],
    shown: Sequence[int],
    scored: Sequence[int],
    lesions: Lesions,
    tolerance: int,
) -> dict[str, Explained]:
    """Return what each method says of the samples that are shown and of those that are scored.

    Where some are scored, `BRIGHTNESS` is scored beside the methods: the image itself as a map, which knows
    no model. Bright lesions are found without any.

    Args:
        examined: What is explained.
        methods: Names of methods.
        shown: Positions of the samples whose maps are wanted.
        scored: Positions of the samples whose maps are scored.
        lesions: Those of the class.
        tolerance: Pixels by which a point may miss a lesion.
    """
    functions: dict[str, str | MapFunction] = {name: name for name in methods}
    if scored:
        functions[BRIGHTNESS] = brightness
    found = {name: Explained({}, Scored()) for name in functions}
    positions = sorted({*shown, *scored}) if functions else []
    with progress("explaining", len(functions) * len(positions), "maps") as advance:
        for part, batch in examined.batches(positions):
            scoring = _Scoring.of(examined, part, batch, scored, lesions, tolerance)
            for name, function in functions.items():
                maps = explain(examined.model, batch, function, examined.target).maps
                found[name].shown.update({at: maps[row] for row, at in enumerate(part) if at in shown})
                found[name].scored.add(scoring(maps))
                advance(len(part))
    return found


def noise_areas(
    examined: Examined, scored: Sequence[int], lesions: Lesions, seed: int
) -> tuple[float, float]:
    """Return the mean areas of deletion and insertion by maps of noise, of the samples with a lesion."""
    located = lesions.shown(examined.samples)
    rows: list[dict[str, float]] = []
    for part, batch in examined.batches([position for position in scored if located[position]]):
        masks = [lesions.masks(examined.rows(position)) for position in part]
        rows += areas(examined.model, batch, random_maps(batch, seed), masks, examined.target)
    table = pd.DataFrame(rows)
    return float(table["deletion"].mean()), float(table["insertion"].mean())


def checked(
    examined: Examined, methods: Sequence[str], shown: Sequence[int], seed: int
) -> dict[str, RandomisationCheck]:
    """Return the parameter-randomisation check of each method on the first of the samples that are shown.

    Args:
        examined: What is explained.
        methods: Names of methods; one whose maps are the same everywhere is left out, with a warning.
        shown: Positions of samples, of which as many are taken as have `CHECKED_VIEWS` views.
        seed: Of the parameters that are drawn.
    """
    few = shown[: max(1, CHECKED_VIEWS // examined.data.max_views)]
    _, batch = next(examined.batches(few))
    found = {}
    with progress("checking", len(methods), "methods") as advance:
        for name in methods:
            try:
                found[name] = randomisation_check(examined.model, batch, name, examined.target, seed=seed)
            except UserError as error:
                _LOG.warning("%s was not checked: %s", name, error)
            advance(1)
    return found


@dataclass(frozen=True)
class _Scoring:
    """Scores the maps of a batch by any method: of its rows `counted`, which have these masks."""

    examined: Examined
    batch: Batch
    counted: list[int]
    masks: Masks
    probability: NDArray[np.float64]
    tolerance: int

    @classmethod
    def of(
        cls,
        examined: Examined,
        part: Sequence[int],
        batch: Batch,
        scored: Sequence[int],
        lesions: Lesions,
        tolerance: int,
    ) -> "_Scoring":
        counted = [row for row, position in enumerate(part) if position in scored]
        positions = [part[row] for row in counted]
        masks = [lesions.masks(examined.rows(position)) for position in positions]
        kept = samples(batch, counted)
        return cls(examined, kept, counted, masks, examined.probability[positions], tolerance)

    def __call__(self, maps: Maps) -> Scored:
        if not self.counted:
            return Scored()
        model, target = self.examined.model, self.examined.target
        return score(
            model,
            self.batch,
            maps[self.counted],
            self.masks,
            self.probability,
            target=target,
            tolerance=self.tolerance,
        )
