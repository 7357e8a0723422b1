"""Lesions in 3-D: what they are, where they sit in a breast, how they grow.

Positions are (depth from the chest wall, lateral of the nipple, above the nipple) in mm.
"""

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from bcdl.data.phantom.anatomy import VIEWS, Breast, View, lateral_reach, oblique_span

Kind = Literal["circumscribed", "spiculated", "calcifications", "summation"]
FloatArray = NDArray[np.float32]

MALIGNANT: frozenset[Kind] = frozenset({"spiculated", "calcifications"})
SMALLEST_MASS = 3.0  # mm; a smaller radius cannot be seen
FEWEST_CALCIFICATIONS = 4
_EXTENT = {
    "circumscribed": (4.5, 9.5),
    "spiculated": (4.5, 8.5),
    "calcifications": (6.0, 10.0),
    "summation": (4.5, 8.5),
}
_MARGIN = 9.0  # mm kept between a lesion's centre and the skin


@dataclass(frozen=True, eq=False)
class Lesion:
    """One lesion of one breast at one time.

    Attributes:
        kind: what it is; a summation is normal tissue that overlaps by chance.
        centre: mm.
        radii: (3,) mm, half-axes of the mass; of the cluster for calcifications.
        rays: (n, 3) mm from the centre: tips of the spicules, or the single calcifications.
        lobes: (4,) phases of the margin's lobulation.
        contrast: peak brightness added to the picture, which spans 0..1.
        views: the views that show it.
        growth: rate of its diameter, 1/years.
        exam: the only exam that shows it, None for all.
    """

    kind: Kind
    centre: tuple[float, float, float]
    radii: FloatArray
    rays: FloatArray
    lobes: FloatArray
    contrast: float
    views: tuple[View, ...]
    growth: float
    exam: int | None = None

    @property
    def malignant(self) -> bool:
        """Whether the lesion is a cancer."""
        return self.kind in MALIGNANT

    def before(self, years: float) -> Self:
        """Return the lesion as it was `years` earlier: smaller and fainter by its growth rate."""
        if years == 0.0:
            return self
        scale = float(np.exp(-self.growth * years))
        kept = max(1, round(len(self.rays) * scale)) if self.kind == "calcifications" else len(self.rays)
        return replace(
            self,
            radii=self.radii * scale,
            rays=self.rays[:kept] * scale,
            contrast=self.contrast * min(scale, 1.0) ** 0.5,
        )

    @property
    def visible(self) -> bool:
        """Whether the lesion is large enough to be seen in the views that show it."""
        if self.kind == "calcifications":
            return len(self.rays) >= FEWEST_CALCIFICATIONS
        return float(self.radii.sum()) >= 3 * SMALLEST_MASS


def sample_lesion(
    kind: Kind,
    breast: Breast,
    difficulty: float,
    one_view_fraction: float,
    exam: int | None,
    rng: np.random.Generator,
) -> Lesion:
    """Draw a lesion of `kind` inside `breast`.

    Args:
        kind: what to draw; a summation always shows in one view only.
        breast: where it must fit in both views.
        difficulty: 0 (plain) to 1 (at the limit of visibility); scales the contrast.
        one_view_fraction: probability that one view, drawn at random, does not show it.
        exam: the only exam that shows it, None for all.
        rng: source of randomness.
    """
    extent = rng.uniform(*_EXTENT[kind])
    one_view = kind == "summation" or rng.random() < one_view_fraction
    return Lesion(
        kind=kind,
        centre=_place(breast, rng),
        radii=(extent * rng.uniform(0.82, 1.18, 3)).astype(np.float32),
        rays=_rays(kind, extent, rng),
        lobes=(rng.random(4) * 2 * np.pi).astype(np.float32),
        contrast=float((0.57 - 0.38 * difficulty) * np.exp(0.2 * rng.normal())),
        views=(VIEWS[int(rng.integers(2))],) if one_view else VIEWS,
        growth=_growth(kind, rng),
        exam=exam,
    )


def _growth(kind: Kind, rng: np.random.Generator) -> float:
    """Cancers double their diameter in 14 to 28 months; benign masses stay; summations have no history."""
    if kind in MALIGNANT:
        return float(rng.uniform(0.3, 0.6))
    return float(rng.normal(0.0, 0.02)) if kind == "circumscribed" else 0.0


def _rays(kind: Kind, extent: float, rng: np.random.Generator) -> FloatArray:
    count = {"circumscribed": 0, "summation": 5, "spiculated": 18, "calcifications": 16}[kind]
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True) + 1e-9
    low, high = (0.1, 1.0) if kind == "calcifications" else (1.5, 2.6)
    lengths: FloatArray = (directions * extent * rng.uniform(low, high, (count, 1))).astype(np.float32)
    return lengths


def _place(breast: Breast, rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw a position that lies inside the breast in both views and clear of the pectoral muscle."""
    u = rng.random(3)
    depth = breast.depth * 0.22 + (0.63 * breast.depth - _MARGIN) * float(u[0])
    reach = lateral_reach(breast, depth + _MARGIN)
    lateral = reach * (1.8 * float(u[1]) - 0.8)
    top, bottom = oblique_span(breast, depth, _MARGIN)
    oblique = breast.nipple_mlo - (top + (bottom - top) * float(u[2]))
    return depth, lateral, 2.0**0.5 * oblique - lateral
