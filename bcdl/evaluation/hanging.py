"""A sample's views in the order in which a radiologist hangs them: R-CC, L-CC, R-MLO, L-MLO."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bcdl.data.batch import Batch
from bcdl.data.table import LATERALITIES, VIEWS
from bcdl.evaluation.sheet import Frame

_SIDES, _STANDARD = ("R", "L"), ("CC", "MLO")
Outlines = Sequence[NDArray[np.float64]]
Place = tuple[str, int | None]  # such as R-CC, and the slot that shows it


def hang(batch: Batch, outlines: Sequence[Sequence[Outlines]] | None = None) -> list[list[Frame]]:
    """Return each sample's frames: exam by exam from the oldest, standard views first, missing ones empty.

    Which standard views are expected follows from the sides that the sample shows; a batch of single images
    expects none.

    Args:
        batch: The samples.
        outlines: Of the findings in each sample's slots; `None` draws none.
    """
    images = batch["image"].cpu().numpy()
    marks = outlines or [[()] * images.shape[1]] * len(images)
    return [
        [Frame(name, None) if slot is None else Frame(name, image[slot], mark[slot]) for name, slot in places]
        for places, image, mark in zip(hung_slots(batch), images, marks, strict=True)
    ]


def hung_slots(batch: Batch) -> list[list[Place]]:
    """Return the name and the slot of each frame of the samples, in the order of `hang`.

    The slot is None where an expected view is missing.
    """
    arrays = [batch[name].cpu().numpy() for name in ("view_mask", "laterality", "view", "time")]
    return [_places(*sample) for sample in zip(*arrays, strict=True)]


def _places(
    mask: NDArray[np.bool_],
    laterality: NDArray[np.int64],
    view: NDArray[np.int64],
    time: NDArray[np.float32],
) -> list[Place]:
    places = []
    for years in sorted(set(time[mask].tolist()), reverse=True):
        slots = np.flatnonzero(mask & (time == years)).tolist()
        keys = {slot: (LATERALITIES[laterality[slot]], VIEWS[view[slot]]) for slot in slots}
        expected = _expected(list(keys.values())) if len(mask) > 1 else []
        places += _places_of_exam(keys, expected)
    return places


def _expected(keys: list[tuple[str, str]]) -> list[tuple[str, str]]:
    shown = {side for side, _ in keys}
    return [(side, view) for view in _STANDARD for side in _SIDES if side in shown]


def _places_of_exam(keys: dict[int, tuple[str, str]], expected: list[tuple[str, str]]) -> list[Place]:
    waiting: dict[tuple[str, str], list[int]] = defaultdict(list)
    for slot, key in keys.items():
        waiting[key].append(slot)
    first = [(key, waiting[key].pop(0) if waiting[key] else None) for key in expected]
    rest = [(key, slot) for key, slots in waiting.items() for slot in slots]
    return [(_name(*key), slot) for key, slot in [*first, *rest]]


def _name(side: str, view: str) -> str:
    return "-".join(part for part in (side, view) if part != "NA")
