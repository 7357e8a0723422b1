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


def hang(batch: Batch, outlines: Sequence[Sequence[Outlines]] | None = None) -> list[list[Frame]]:
    """Return each sample's frames: exam by exam from the oldest, standard views first, missing ones empty.

    Which standard views are expected follows from the sides that the sample shows; a batch of single images
    expects none.

    Args:
        batch: The samples.
        outlines: Of the findings in each sample's slots; `None` draws none.
    """
    arrays = [batch[name].cpu().numpy() for name in ("image", "view_mask", "laterality", "view", "time")]
    marks = outlines or [[()] * arrays[1].shape[1]] * len(arrays[1])
    image, mask, laterality, view, time = arrays
    return [_hang_sample(*sample) for sample in zip(image, mask, laterality, view, time, marks, strict=True)]


def _hang_sample(
    image: NDArray[np.float32],
    mask: NDArray[np.bool_],
    laterality: NDArray[np.int64],
    view: NDArray[np.int64],
    time: NDArray[np.float32],
    outlines: Sequence[Outlines],
) -> list[Frame]:
    frames = []
    for years in sorted(set(time[mask].tolist()), reverse=True):
        slots = np.flatnonzero(mask & (time == years)).tolist()
        keys = [(LATERALITIES[laterality[slot]], VIEWS[view[slot]]) for slot in slots]
        expected = _expected(keys) if len(mask) > 1 else []
        frames += _hang_exam(
            dict(enumerate(keys)), image[slots], [outlines[slot] for slot in slots], expected
        )
    return frames


def _expected(keys: list[tuple[str, str]]) -> list[tuple[str, str]]:
    shown = {side for side, _ in keys}
    return [(side, view) for view in _STANDARD for side in _SIDES if side in shown]


def _hang_exam(
    keys: dict[int, tuple[str, str]],
    images: NDArray[np.float32],
    outlines: Sequence[Outlines],
    expected: list[tuple[str, str]],
) -> list[Frame]:
    waiting: dict[tuple[str, str], list[int]] = defaultdict(list)
    for slot, key in keys.items():
        waiting[key].append(slot)
    first = [(key, waiting[key].pop(0) if waiting[key] else None) for key in expected]
    rest = [(key, slot) for key, slots in waiting.items() for slot in slots]
    return [
        Frame(_name(*key), None) if slot is None else Frame(_name(*key), images[slot], outlines[slot])
        for key, slot in [*first, *rest]
    ]


def _name(side: str, view: str) -> str:
    return "-".join(part for part in (side, view) if part != "NA")
