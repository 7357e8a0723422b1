"""The picture of a healthy breast in one view: fat, glands, ducts, strands, skin, nipple, muscle.

Brightness is that of a processed ("for presentation") mammogram on a scale of 0 (air) to 1.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.data.phantom.anatomy import Breast, View, nipple_height, pectoral_depth, skin_depth
from bcdl.data.phantom.projection import Frame
from bcdl.data.phantom.texture import (
    PARENCHYMA_EXPONENT,
    coloured,
    ridges,
    strands_to,
    white_spectrum,
)

FloatArray = NDArray[np.float32]

_SHARED_BETWEEN_SIDES = 0.7  # weight of the texture that both breasts of a patient have in common
_NIPPLE_RADIUS = 4.0  # mm
_FAT, _MUSCLE = 0.21, 0.56


@dataclass(frozen=True, eq=False)
class Map:
    """Where each pixel lies: arrays (H, W) in mm, `depth` (1, W) and `height` (H, 1).

    Attributes:
        depth: from the chest wall.
        height: below the top of the field.
        skin: to the skin, 0 outside the breast.
        muscle: depth of the pectoral muscle's edge, (H, 1); of use in MLO.
        nipple: to the nipple.
        angle: direction seen from the nipple, radians.
    """

    depth: FloatArray
    height: FloatArray
    skin: FloatArray
    muscle: FloatArray
    nipple: FloatArray
    angle: FloatArray


def chart(breast: Breast, view: View, frame: Frame) -> Map:
    """Chart the pixels of a view in its canonical pose."""
    depth = ((np.arange(frame.width, dtype=np.float32) + 0.5) * frame.spacing)[None, :]
    height = ((np.arange(frame.height, dtype=np.float32) + 0.5) * frame.spacing + frame.top)[:, None]
    across = height - nipple_height(breast, view)
    nipple = np.sqrt((depth - breast.depth + 1.8) ** 2 + across**2)
    inside = (depth < skin_depth(breast, view, height)) | (nipple < _NIPPLE_RADIUS)
    distance = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)
    return Map(
        depth=depth,
        height=height,
        skin=cv2.GaussianBlur(distance, (3, 3), 0.8) * np.float32(frame.spacing),
        muscle=pectoral_depth(breast, height),
        nipple=nipple,
        angle=np.arctan2(across, breast.depth + 2.0 - depth),
    )


def render_tissue(
    breast: Breast, view: View, frame: Frame, shared: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Render the healthy breast (H, W) in its canonical pose, left-oriented.

    Args:
        breast: its shape and density.
        view: "CC" or "MLO".
        frame: the pixel grid.
        shared: spectrum (H, W, 2) of the patient's texture of this view, the same for both sides.
        rng: randomness of this breast and view.
    """
    place = chart(breast, view, frame)
    own = white_spectrum((frame.height, frame.width), rng)
    mixed = _SHARED_BETWEEN_SIDES * shared + np.float32(np.sqrt(1.0 - _SHARED_BETWEEN_SIDES**2)) * own
    cloud = coloured(mixed, frame.spacing, PARENCHYMA_EXPONENT)
    fine = coloured(own, frame.spacing, 1.6, largest=14.0)
    streaks = strands_to(cloud, place.nipple, place.angle, frame.spacing, radius=32.0, stretch=4.0)
    streaks *= np.clip(place.nipple / 30.0, 0.0, 1.0)
    gland = _glandular(breast, view, place, 0.40 * cloud + 0.40 * streaks)
    picture = _FAT + 0.025 * cloud + 0.11 * (1.0 - gland) * _ligaments(mixed, frame)
    picture += breast.brightness * gland * (1.0 + 0.13 * cloud + 0.13 * streaks + 0.07 * fine)
    picture += 0.13 * _ducts(place, fine, frame) * np.sqrt(gland)
    if view == "MLO":
        muscle = 1.0 / (1.0 + np.exp(np.clip((place.depth - place.muscle) / 1.1, -30.0, 30.0)))
        picture += muscle * (_MUSCLE + 0.015 * cloud + 0.025 * _fibres(breast, place, fine, frame) - picture)
    return _skin(picture, place, breast)


def _glandular(breast: Breast, view: View, place: Map, fray: FloatArray) -> FloatArray:
    """Return the share of fibroglandular tissue, 0..1: a cone behind the nipple, its border `fray`ed."""
    back = (breast.depth - place.depth) / breast.depth
    rise = (nipple_height(breast, view) - place.height) / breast.half_width
    reach = 0.52 + 0.38 * breast.glandularity
    wide = reach * np.clip(0.42 + 1.2 * back, 0.1, 1.0)
    cone = 1.0 - ((back - 0.46) / reach) ** 2 - ((rise - 0.10) / wide) ** 2
    level = cone + fray + 2.4 * (breast.glandularity - 0.66)
    under_skin = np.clip((place.skin - 5.0) / 6.0, 0.0, 1.0)
    if view == "MLO":
        under_skin = under_skin * np.clip((breast.fold - place.height) / 10.0, 0.0, 1.0)
    gland: FloatArray = under_skin / (1.0 + np.exp(-4.2 * np.maximum(level, -9.0)))
    return gland


def _ducts(place: Map, fine: FloatArray, frame: Frame) -> FloatArray:
    lines = ridges(strands_to(fine, place.nipple, place.angle, frame.spacing, radius=26.0, stretch=7.0), 3.0)
    reach: FloatArray = np.exp(-((place.nipple / 45.0) ** 2))
    return lines * reach


def _ligaments(spectrum: FloatArray, frame: Frame) -> FloatArray:
    """Return the net of fibrous strands in the fat."""
    return ridges(coloured(spectrum, frame.spacing, 5.0, largest=30.0), 5.0) - 0.15


def _fibres(breast: Breast, place: Map, fine: FloatArray, frame: Frame) -> FloatArray:
    """Return the muscle's bundles: `fine` drawn out along the muscle's edge."""
    norm = float(np.hypot(breast.pectoral_width, breast.pectoral_height)) * frame.spacing
    across = (breast.pectoral_height * place.depth + breast.pectoral_width * place.height) / norm
    along = (breast.pectoral_height * place.height - breast.pectoral_width * place.depth) / (12.0 * norm)
    fibres: FloatArray = cv2.remap(fine, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return fibres


def _skin(picture: FloatArray, place: Map, breast: Breast) -> FloatArray:
    """Thin the breast out towards its edge, and draw the skin's rim and the nipple."""
    roll = np.clip(place.skin / (0.26 * breast.depth), 0.0, 1.0)
    thickness = np.sqrt(1.0 - (1.0 - roll) ** 2) ** 0.8
    rim = 0.11 * np.exp(-(((place.skin - 1.1) / 0.9) ** 2))
    nipple = 0.16 * np.exp(-((place.nipple / (0.8 * _NIPPLE_RADIUS)) ** 2))
    inside = np.clip(place.skin / 0.9, 0.0, 1.0)
    thinned: FloatArray = inside * (picture * thickness + rim + nipple)
    return thinned
