"""Does a map point at the lesion? Scores of maps (H, W) against masks (H, W) in the same geometry."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.errors import UserError

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class PointingGame:
    """The pointing game over a set of views that show a lesion.

    Attributes:
        hits: (N,), whether each map's maximum hit.
        chance: (N,), probability that a point drawn at random hits.
    """

    hits: NDArray[np.bool_]
    chance: NDArray[np.float64]

    @property
    def rate(self) -> float:
        """Share of the maps that hit."""
        return float(self.hits.mean())

    @property
    def chance_rate(self) -> float:
        """Share that random points would hit."""
        return float(self.chance.mean())

    @property
    def p_value(self) -> float:
        """Probability of as many hits or more by random points, exactly."""
        distribution = np.ones(1)  # of the number of hits among the first n maps
        for probability in self.chance.tolist():
            distribution = np.convolve(distribution, [1 - probability, probability])
        return float(distribution[int(self.hits.sum()) :].sum().clip(0, 1))


def pointing_hit(saliency: Map, mask: Mask, tolerance: int = 0) -> bool:
    """Return whether the map's maximum lies in the mask, or at most `tolerance` pixels from it.

    Zhang et al., "Top-down neural attention by excitation backprop" (IJCV 2018), who allow 15 pixels. A map
    that is the same everywhere points nowhere; of several maxima the first counts.

    Raises:
        UserError: A mask of another geometry.
    """
    _check_geometry(saliency, mask)
    if saliency.max() == saliency.min():
        return False
    return bool(widened(mask, tolerance).flat[int(saliency.argmax())])


def pointing_game(
    maps: Sequence[Map],
    masks: Sequence[Mask],
    tolerance: int = 0,
    regions: Sequence[Mask] | None = None,
) -> PointingGame:
    """Play the pointing game over views that each show a lesion.

    Args:
        maps: A map (H, W) of each view.
        masks: The lesions in it; a view with several is hit where one is.
        tolerance: Pixels by which a maximum may miss.
        regions: Where a random point may lie, such as `breasts`; None: anywhere in the image.

    Raises:
        UserError: A mask of another geometry, or without a lesion.
    """
    hits, chance = [], []
    for number, (saliency, mask) in enumerate(zip(maps, masks, strict=True)):
        region = np.ones_like(mask) if regions is None else regions[number]
        _check_geometry(saliency, region)
        hits.append(pointing_hit(saliency, mask, tolerance))
        if not mask.any():
            raise UserError(
                f"expected a lesion in every mask of the pointing game, found none in mask {number}"
            )
        chance.append(widened(mask, tolerance)[region].sum() / max(1, region.sum()))
    return PointingGame(np.array(hits, bool), np.array(chance, float))


def energy_inside(saliency: Map, mask: Mask) -> float:
    """Return the mask's share of the map's positive values, 0 where there are none.

    The energy-based pointing game of Wang et al., "Score-CAM" (CVPR workshops 2020). A map that is the same
    everywhere has the mask's share of the image.

    Raises:
        UserError: A mask of another geometry.
    """
    _check_geometry(saliency, mask)
    positive = np.clip(saliency.astype(np.float64), 0, None)
    total = positive.sum()
    return float(positive[mask].sum() / total) if total > 0 else 0.0


def widened(mask: Mask, tolerance: int) -> Mask:
    """Return where a point is at most `tolerance` pixels from the mask."""
    if tolerance == 0 or not mask.any():
        return mask
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    widened: Mask = distance <= tolerance
    return widened


def _check_geometry(saliency: Map, mask: Mask) -> None:
    if saliency.shape != mask.shape:
        expected, found = (" x ".join(map(str, shape)) for shape in (saliency.shape, mask.shape))
        raise UserError(
            f"expected a mask of {expected} pixels, as its image is stored, found {found}; bring it there "
            "with bcdl.data.outlines.finding_mask"
        )
