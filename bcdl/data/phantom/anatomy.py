"""The shape of a breast: sizes in mm, the skin's contour in CC and MLO, the pectoral muscle.

Every picture is thought of as a left breast: the chest wall is column 0 and `depth` runs to the nipple.
Right breasts are mirrored at the very end (`render`). Heights are mm below the picture's top edge.
"""

from dataclasses import dataclass, replace
from math import asin, pi
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Side = Literal["L", "R"]
View = Literal["CC", "MLO"]
FloatArray = NDArray[np.float32]
Heights = NDArray[np.floating[Any]]

SIDES: tuple[Side, ...] = ("L", "R")
VIEWS: tuple[View, ...] = ("CC", "MLO")
FIELD_HEIGHT, FIELD_DEPTH = 240.0, 120.0  # mm, the part of the detector that a picture shows


@dataclass(frozen=True)
class Breast:
    """One breast; lengths in mm, heights below the top edge of the field.

    Attributes:
        depth: chest wall to nipple.
        half_width: half the breast's extent along the chest wall in CC.
        roundness: exponent of the CC contour; 2 is an ellipse, more is boxier.
        nipple_cc: height of the nipple in CC.
        nipple_mlo: height of the nipple in MLO.
        fold: height of the inframammary fold in MLO.
        fold_depth: depth of the skin at the fold.
        sag: how far the upper MLO contour hangs; 1 is firm, 1.7 pendulous.
        axilla: depth of the skin at the top edge of MLO.
        pectoral_width: depth of the pectoral muscle at the top edge of MLO.
        pectoral_height: height at which the muscle reaches the chest wall in MLO.
        glandularity: amount of fibroglandular tissue, 0 (all fat) to 1 (all dense).
        brightness: radiographic contrast of that tissue, about 0.2 to 0.5.
    """

    depth: float
    half_width: float
    roundness: float
    nipple_cc: float
    nipple_mlo: float
    fold: float
    fold_depth: float
    sag: float
    axilla: float
    pectoral_width: float
    pectoral_height: float
    glandularity: float
    brightness: float


_BEHIND = 0.16  # the CC ellipse's centre lies behind the detector's edge, by this share of the depth
_WIDENING = 1.02
_UPPER_POWER, _LOWER_POWER, _PECTORAL_POWER = 1.15, 2.3, 1.25  # of the MLO contours
_GLANDULARITY = {"A": (0.00, 0.12), "B": (0.22, 0.40), "C": (0.50, 0.70), "D": (0.80, 0.96)}
_BRIGHTNESS = {"A": 0.27, "B": 0.31, "C": 0.35, "D": 0.39}


def sample_breast(density: str, rng: np.random.Generator) -> Breast:
    """Draw a breast of BI-RADS density class `density` ("A" to "D"); fatty breasts tend to be larger."""
    size = rng.normal() * 0.16 + {"A": 1.08, "B": 1.03, "C": 0.96, "D": 0.90}[density]
    depth = float(np.clip(78.0 * size, 50.0, 106.0))
    half_width = float(np.clip(86.0 * size + 6.0 * rng.normal(), 60.0, 108.0))
    u = rng.random(8).tolist()
    fold = float(np.clip(206.0 + 7.0 * rng.normal(), 190.0, 222.0))
    nipple = fold - (0.62 + 0.22 * u[3]) * half_width
    axilla = 0.44 * depth + 12.0 + 12.0 * u[0]
    low, high = _GLANDULARITY[density]
    return Breast(
        depth=depth,
        half_width=half_width,
        roundness=2.05 + 0.6 * u[1],
        nipple_cc=FIELD_HEIGHT / 2 + 8.0 * (u[2] - 0.5),
        nipple_mlo=nipple,
        fold=fold,
        fold_depth=5.0 + 9.0 * u[4],
        sag=1.05 + 0.45 * u[5],
        axilla=axilla,
        pectoral_width=axilla - 9.0 - 9.0 * u[6],
        pectoral_height=nipple * (0.62 + 0.42 * u[7]),
        glandularity=low + (high - low) * rng.random(),
        brightness=_BRIGHTNESS[density] * (1.0 + 0.07 * rng.normal()),
    )


def other_side(breast: Breast, rng: np.random.Generator) -> Breast:
    """Return the breast of the other side: the same tissue and nearly the same shape."""
    e = rng.normal(size=6).tolist()
    return replace(
        breast,
        depth=float(np.clip(breast.depth * (1.0 + 0.03 * e[0]), 48.0, 108.0)),
        half_width=float(np.clip(breast.half_width * (1.0 + 0.03 * e[1]), 56.0, 110.0)),
        nipple_cc=breast.nipple_cc + 2.0 * e[2],
        pectoral_width=breast.pectoral_width - 2.0 * abs(e[3]),
        pectoral_height=breast.pectoral_height * (1.0 + 0.05 * e[4]),
        glandularity=float(np.clip(breast.glandularity + 0.02 * e[5], 0.0, 1.0)),
    )


def nipple_height(breast: Breast, view: View) -> float:
    """Return the nipple's height in `view`, mm below the top of the field."""
    return breast.nipple_cc if view == "CC" else breast.nipple_mlo


def skin_depth(breast: Breast, view: View, height: Heights) -> FloatArray:
    """Return the depth of the skin (mm) at each `height` (mm, any shape); 0 where there is no breast."""
    contour = _skin_cc(breast, height) if view == "CC" else _skin_mlo(breast, height)
    return contour.astype(np.float32)


def lateral_reach(breast: Breast, depth: float) -> float:
    """Return how far from the nipple's level (mm) the breast reaches in CC at `depth`, on either side."""
    behind = _BEHIND * breast.depth
    across = 1.0 - ((depth + behind) / (breast.depth + behind)) ** 2
    return float(_WIDENING * breast.half_width * across ** (1.0 / breast.roundness))


def oblique_span(breast: Breast, depth: float, margin: float) -> tuple[float, float]:
    """Return between which heights in MLO `depth` lies `margin` clear of skin and muscle (top, bottom)."""
    skin, muscle = depth + margin, depth - margin
    forward = max((skin - breast.axilla) / (breast.depth - breast.axilla), 0.0)
    upper = (2.0 / pi * asin(forward ** (1.0 / _UPPER_POWER))) ** (1.0 / breast.sag)
    behind = max(1.0 - muscle / breast.pectoral_width, 0.0)
    top = max(breast.nipple_mlo * upper, breast.pectoral_height * behind ** (1.0 / _PECTORAL_POWER), margin)
    outward = max((skin - breast.fold_depth) / (breast.depth - breast.fold_depth), 0.0)
    below = (1.0 - outward**2) ** (1.0 / _LOWER_POWER)
    return top, breast.nipple_mlo + (breast.fold - breast.nipple_mlo) * below


def _skin_cc(breast: Breast, height: Heights) -> Heights:
    behind = _BEHIND * breast.depth
    across = np.abs(height - breast.nipple_cc) / (_WIDENING * breast.half_width)
    ellipse = np.sqrt(np.clip(1.0 - across**breast.roundness, 0.0, None))
    skin: Heights = np.clip((breast.depth + behind) * ellipse - behind, 0.0, None)
    return skin


def _skin_mlo(breast: Breast, height: Heights) -> Heights:
    above = np.clip(height / breast.nipple_mlo, 0.0, 1.0)
    upper = (
        breast.axilla + (breast.depth - breast.axilla) * np.sin(np.pi / 2 * above**breast.sag) ** _UPPER_POWER
    )
    below = np.clip((height - breast.nipple_mlo) / (breast.fold - breast.nipple_mlo), 0.0, 1.0)
    lower = breast.fold_depth + (breast.depth - breast.fold_depth) * np.sqrt(1.0 - below**_LOWER_POWER)
    abdomen = breast.fold_depth + 0.3 * (height - breast.fold)
    return np.where(height < breast.nipple_mlo, upper, np.where(height < breast.fold, lower, abdomen))


def pectoral_depth(breast: Breast, height: Heights) -> FloatArray:
    """Return the depth (mm) of the pectoral muscle's edge in MLO at each `height`; negative below it."""
    along = np.clip(height / breast.pectoral_height, 0.0, None)
    edge: FloatArray = (breast.pectoral_width * (1.0 - along**_PECTORAL_POWER)).astype(np.float32)
    return edge
