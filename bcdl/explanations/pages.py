"""Sheets of maps as pictures: each chosen sample's views, their maps over them, the lesions outlined."""

from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bcdl.evaluation.hanging import hung_slots
from bcdl.explain import Lesions, View, explanation_sheet
from bcdl.explanations.examined import Examined

_QUICK = 1  # of zlib: sheets are large and mostly noise


def map_sheet(
    examined: Examined,
    positions: Sequence[int],
    maps: Mapping[int, NDArray[np.float32]],
    shares: Mapping[int, NDArray[np.float32]],
    lesions: Lesions,
) -> Figure:
    """Draw samples with their maps, views in the order in which a radiologist hangs them.

    Args:
        examined: What is explained.
        positions: Of the samples.
        maps: The maps (V, H, W) of each.
        shares: What each view contributes (V,), where it is known.
        lesions: Those of the class, which are outlined.
    """
    shown: list[list[View]] = []
    for part, batch in examined.batches(positions):
        images = batch["image"].mean(2).cpu().numpy()  # (B, V, H, W)
        for position, places, image in zip(part, hung_slots(batch), images, strict=True):
            outlines = lesions.outlines(examined.rows(position))
            share = shares.get(position)
            shown.append(
                [
                    View(_title(name, share, slot), image[slot], maps[position][slot], outlines[slot])
                    for name, slot in places
                    if slot is not None
                ]
            )
    return explanation_sheet(shown, [examined.caption(position) for position in positions])


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG file, compressed little and quickly."""
    file = BytesIO()
    figure.savefig(file, format="png", pil_kwargs={"compress_level": _QUICK})
    return file.getvalue()


def _title(name: str, share: NDArray[np.float32] | None, slot: int) -> str:
    return name if share is None else f"{name} {share[slot]:+.2f}".strip()
