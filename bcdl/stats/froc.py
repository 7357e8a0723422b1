"""The free-response ROC: the share of lesions that are found, against the false marks an image it takes.

A model marks points, each with a score. At a threshold a lesion is found where a mark of that score or more
lies in it; several marks in one lesion count once. A mark in no lesion is false. False marks are counted over
all images, whether they show a lesion or not, as CAMELYON16 does (Ehteshami Bejnordi et al., JAMA 2017) and
LUNA16 (Setio et al., Medical Image Analysis 2017); from their curves the sensitivity at some rates of false
marks is read by linear interpolation, and the mean of these is the headline.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdl.stats.interval import Interval
from bcdl.stats.resampling import DRAWS, Values, bootstrap

RATES = (0.25, 0.5, 1.0, 2.0, 4.0)  # false marks an image
MEAN = "mean"


@dataclass(frozen=True)
class Marks:
    """The marks of a set of images.

    Attributes:
        images: How many images were marked, those without any mark included.
        lesion_image: (L,), number of the image that shows each lesion.
        lesion_score: (L,), highest score of a mark in each lesion; -inf where none is.
        false_image: (F,), number of the image of each mark in no lesion.
        false_score: (F,), its score.
    """

    images: int
    lesion_image: NDArray[np.int64]
    lesion_score: Values
    false_image: NDArray[np.int64]
    false_score: Values


@dataclass(frozen=True)
class Froc:
    """The curve, a point a distinct score, from the highest; before them nothing is marked.

    Attributes:
        false_marks: (K,), mean number of false marks an image.
        sensitivity: (K,), share of the lesions that are found.
    """

    false_marks: Values
    sensitivity: Values


def froc_curve(marks: Marks) -> Froc:
    """Return the curve; without a lesion its sensitivity is NaN."""
    false_marks, sensitivity = _curves(marks, np.ones((1, marks.images)))
    return Froc(false_marks[0], sensitivity[0])


def sensitivity_at(curve: Froc, rate: float) -> float:
    """Return the sensitivity at so many false marks an image; beyond the curve's end, that at its end."""
    return float(np.interp(rate, curve.false_marks, curve.sensitivity))


def froc_intervals(
    marks: Marks, patients: NDArray[np.int64], draws: int = DRAWS, seed: int = 0
) -> dict[str, Interval]:
    """Return the sensitivity at each of `RATES`, by names such as `0.25`, and their mean, `mean`.

    Args:
        marks: The marks.
        patients: (images,), codes of the images' patients; a patient's images are drawn together.
        draws: Bootstrap draws.
        seed: Of the draws.
    """

    def statistic(weights: Values) -> dict[str, Values]:
        found = _read(*_curves(marks, weights))  # (D, rates)
        return {**{f"{rate:g}": found[:, place] for place, rate in enumerate(RATES)}, MEAN: found.mean(1)}

    drawn = bootstrap(statistic, patients, draws, seed)
    return {name: each.interval() for name, each in drawn.items()}


def _read(false_marks: Values, sensitivity: Values) -> Values:
    curves = zip(false_marks, sensitivity, strict=True)
    return np.array([np.interp(RATES, x, y) for x, y in curves], np.float64)


def _curves(marks: Marks, weights: Values) -> tuple[Values, Values]:
    """Return false marks an image and sensitivity, (D, K), for weights (D, images) of the images."""
    hit = np.isfinite(marks.lesion_score)
    score = np.concatenate([marks.lesion_score[hit], marks.false_score])
    image = np.concatenate([marks.lesion_image[hit], marks.false_image])
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1) if len(order) else order
    true = (np.arange(len(score)) < hit.sum())[order]
    weight = weights[:, image[order]]
    lesions = weights[:, marks.lesion_image].sum(1, keepdims=True)
    found, false = (np.cumsum(weight * kind, axis=1)[:, last] for kind in (true, ~true))
    start = np.zeros((len(weights), 1))
    sensitivity = np.hstack([start, found]) / np.where(lesions > 0, lesions, np.nan)
    return np.hstack([start, false]) / weights.sum(1, keepdims=True), sensitivity
