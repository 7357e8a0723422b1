"""From a map to the points that it marks, and from the points of many views to a free-response ROC."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.explain.localisation import Map, Mask, widened
from bcdl.stats.froc import Marks

MOST = 10  # marks a view
_APART = 16  # marks along a view's longer side


@dataclass(frozen=True)
class Candidates:
    """The points that a map marks, the highest first.

    Attributes:
        place: (N, 2), row and column.
        value: (N,), of the map there, above 0.
    """

    place: NDArray[np.int64]
    value: NDArray[np.float64]


@dataclass(frozen=True)
class MarkedView:
    """A view's marks against its lesions.

    Attributes:
        lesion_score: (L,), highest score in each lesion; -inf where none lies in it.
        false_score: (F,), of the marks in no lesion.
    """

    lesion_score: NDArray[np.float64]
    false_score: NDArray[np.float64]


def candidates(saliency: Map, distance: int | None = None, most: int = MOST) -> Candidates:
    """Return the highest local maxima above 0 of a map (H, W), no two closer than `distance`.

    Non-maximum suppression: the highest maximum is taken, all closer than `distance` are dropped, and so on.

    Args:
        saliency: The map.
        distance: In pixels; None takes a sixteenth of the longer side.
        most: At most so many.
    """
    apart = distance or max(1, max(saliency.shape) // _APART)
    highest = cv2.dilate(saliency, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero((saliency == highest) & (saliency > 0))
    order = np.argsort(-saliency[rows, columns], kind="stable")
    left = np.stack([rows[order], columns[order]], axis=1)  # (N, 2)
    kept: list[NDArray[np.int64]] = []
    while len(left) and len(kept) < most:
        kept.append(left[0])
        left = left[((left - left[0]) ** 2).sum(1) >= apart**2]
    place = np.array(kept, np.int64).reshape(-1, 2)
    return Candidates(place, saliency[place[:, 0], place[:, 1]].astype(np.float64))


def marked(
    found: Candidates, score: NDArray[np.float64], lesions: Sequence[Mask], tolerance: int = 0
) -> MarkedView:
    """Sort a view's candidates into those in a lesion and those in none.

    Args:
        found: The candidates.
        score: (N,), what orders them among those of all views.
        lesions: The mask (H, W) of each lesion.
        tolerance: Pixels by which a candidate may miss.
    """
    rows, columns = found.place.T
    inside = np.array([widened(lesion, tolerance)[rows, columns] for lesion in lesions], bool)
    inside = inside.reshape(len(lesions), len(score))
    best = np.where(inside, score, -np.inf).max(axis=1, initial=-np.inf)
    return MarkedView(best, score[~inside.any(axis=0)])


def marks_of(views: Sequence[MarkedView]) -> Marks:
    """Join views, each an image of its own, for `bcdl.stats.froc`."""
    lesions, false = ([getattr(view, name) for view in views] for name in ("lesion_score", "false_score"))
    number = np.arange(len(views))
    return Marks(
        images=len(views),
        lesion_image=np.repeat(number, [len(each) for each in lesions]),
        lesion_score=np.concatenate([np.empty(0), *lesions]),
        false_image=np.repeat(number, [len(each) for each in false]),
        false_score=np.concatenate([np.empty(0), *false]),
    )
