"""What the maps of a method are worth: by the lesions that are known, and by what the model itself does.

Rows are made a batch at a time, so that the maps need not stay; `summary` joins them to one row a method.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.batch import Batch
from bcdl.explain.candidates import MarkedView, candidates, marked
from bcdl.explain.curves import deletion_curve, insertion_curve
from bcdl.explain.localisation import PointingGame, energy_inside, pointing_game
from bcdl.explain.logits import samples
from bcdl.explain.regions import breasts
from bcdl.models import Classifier
from bcdl.stats import Interval, bootstrap
from bcdl.stats.resampling import Values

Maps = NDArray[np.float32]
Masks = Sequence[Sequence[Sequence[NDArray[np.bool_]]]]  # of each lesion in each slot of each sample


@dataclass
class Scored:
    """What was found about a method's maps.

    Attributes:
        views: A row a view that shows a lesion: `sample` (its number), `slot`, `lesions`, `hit`, `chance`,
            `energy`, `energy_chance`.
        areas: A row a sample with a lesion: `sample`, `deletion`, `insertion`.
        marks: The marks of every view, for `marks_of`.
        marked: The number of the sample of each of `marks`.
    """

    views: list[dict[str, float]] = field(default_factory=list)
    areas: list[dict[str, float]] = field(default_factory=list)
    marks: list[MarkedView] = field(default_factory=list)
    marked: list[int] = field(default_factory=list)

    def add(self, other: "Scored") -> None:
        """Take over what was found about a further batch."""
        self.views += other.views
        self.areas += other.areas
        self.marks += other.marks
        self.marked += other.marked


def score(
    model: Classifier,
    batch: Batch,
    maps: Maps,
    masks: Masks,
    probability: Values,
    *,
    target: int,
    tolerance: int = 0,
) -> Scored:
    """Score the maps of a batch.

    A mark's score is the map's share of the sample's largest value, times the sample's probability: maps of
    different samples have no scale in common.

    Args:
        model: The model.
        batch: Samples on its device; `index` is their number.
        maps: (B, V, H, W).
        masks: Of each lesion of the class in each slot.
        probability: (B,), of the class.
        target: The class.
        tolerance: Pixels by which a point may miss a lesion.
    """
    found = Scored()
    shown, regions = batch["view_mask"].cpu().numpy(), breasts(batch)
    for row, number in enumerate(batch["index"].tolist()):
        largest = float(maps[row].max())
        for slot in np.flatnonzero(shown[row]).tolist():
            saliency, lesions = maps[row, slot], masks[row][slot]
            points = candidates(saliency)
            scores = points.value / (largest if largest > 0 else 1) * probability[row]
            found.marks.append(marked(points, scores, lesions, tolerance))
            found.marked.append(number)
            if lesions:
                view = _pointed(saliency, np.logical_or.reduce(lesions), regions[row, slot], tolerance)
                found.views.append({"sample": number, "slot": slot, "lesions": len(lesions), **view})
    found.areas = areas(model, batch, maps, masks, target)
    return found


def areas(model: Classifier, batch: Batch, maps: Maps, masks: Masks, target: int) -> list[dict[str, float]]:
    """Return the areas under the deletion and the insertion curve of each sample with a lesion."""
    rows = [row for row, slots in enumerate(masks) if any(slots)]
    if not rows:
        return []
    part = samples(batch, rows)
    curves = (
        curve(model, part, maps[rows], target=target).area for curve in (deletion_curve, insertion_curve)
    )
    return [
        {"sample": number, "deletion": deletion, "insertion": insertion}
        for number, deletion, insertion in zip(part["index"].tolist(), *curves, strict=True)
    ]


def random_maps(batch: Batch, seed: int) -> Maps:
    """Return maps (B, V, H, W) that know nothing: noise, the same for the same samples in any batch."""
    shape = (batch["view_mask"].shape[1], *batch["image"].shape[-2:])
    return np.stack(
        [
            np.random.default_rng([seed, number]).random(shape, np.float32)
            for number in batch["index"].tolist()
        ]
    )


def summary(found: Scored, patients: Sequence[str], seed: int = 0) -> dict[str, float]:
    """Return one method's scores, means over views (pointing, energy) and over samples (areas).

    Args:
        found: What was found about its maps.
        patients: Of each sample by its number; the interval of the hit rate draws them.
        seed: Of the draws.
    """
    views, changed = pd.DataFrame(found.views), pd.DataFrame(found.areas)
    game = PointingGame(views["hit"].to_numpy(bool), views["chance"].to_numpy(float))
    rate = _rate(game.hits, [patients[int(number)] for number in views["sample"]], seed)
    return {
        "hit_rate": rate.value,
        "hit_rate_low": rate.low,
        "hit_rate_high": rate.high,
        "hit_rate_chance": game.chance_rate,
        "p_value": game.p_value,
        "energy": float(views["energy"].mean()),
        "energy_chance": float(views["energy_chance"].mean()),
        "deletion": float(changed["deletion"].mean()),
        "insertion": float(changed["insertion"].mean()),
        "views": len(views),
        "lesions": int(views["lesions"].sum()),
        "samples": len(changed),
    }


def _rate(hits: NDArray[np.bool_], patients: Sequence[str], seed: int) -> Interval:
    """Return the share of hits with its interval by draws of patients."""

    def statistic(weights: Values) -> dict[str, Values]:
        return {"rate": (weights * hits).sum(1) / weights.sum(1)}

    return bootstrap(statistic, pd.factorize(pd.Series(patients))[0].astype(np.int64), seed=seed)[
        "rate"
    ].interval()


def _pointed(
    saliency: NDArray[np.float32], lesion: NDArray[np.bool_], breast: NDArray[np.bool_], tolerance: int
) -> dict[str, float]:
    game = pointing_game([saliency], [lesion], tolerance, [breast])
    return {
        "hit": bool(game.hits[0]),
        "chance": float(game.chance[0]),
        "energy": energy_inside(saliency, lesion),
        "energy_chance": float(lesion[breast].sum() / max(1, breast.sum())),
    }
