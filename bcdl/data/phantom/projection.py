"""From mm in the breast to pixels of a view: frame, positioning, a lesion's footprint and outline.

CC projects along the body axis: (depth, lateral). MLO projects along the 45 degree oblique:
(depth, (lateral + above) / sqrt 2). Depth is common to both, as it is on real pairs of films.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.data.phantom.anatomy import FIELD_DEPTH, FIELD_HEIGHT, Breast, Side, View, nipple_height
from bcdl.data.phantom.lesions import Lesion

FloatArray = NDArray[np.float32]

_ACROSS = {"CC": (1.0, 0.0), "MLO": (0.5**0.5, 0.5**0.5)}  # share of (lateral, above) in a view's height
_TURN = np.arange(24) * (np.pi / 12)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_SHARP, _SOFT = 1.05, 1.4  # how far margins reach, in half-axes


@dataclass(frozen=True)
class Frame:
    """The pixel grid of a view, `height` x `width`; the field is centred vertically."""

    height: int
    width: int

    @property
    def spacing(self) -> float:
        """Pixel size in mm: the whole field fits."""
        return max(FIELD_HEIGHT / self.height, FIELD_DEPTH / self.width)

    @property
    def top(self) -> float:
        """Height (mm) at which the first row begins; negative where the picture is taller than the field."""
        return (FIELD_HEIGHT - self.height * self.spacing) / 2


@dataclass(frozen=True)
class Pose:
    """One exam's positioning: depth' = stretch * depth, height' = height + shift + shear * depth (mm)."""

    stretch: float = 1.0
    shift: float = 0.0
    shear: float = 0.0

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Pose":
        """Draw a technologist's usual variation."""
        stretch, shift, shear = rng.normal(size=3)
        return cls(1.0 + 0.02 * stretch, 2.5 * shift, 0.035 * shear)

    def matrix(self, frame: Frame) -> NDArray[np.float64]:
        """Return the (2, 3) affine map from canonical to posed pixels (x, y)."""
        return np.array([[self.stretch, 0.0, 0.0], [self.shear, 1.0, self.shift / frame.spacing]])


@dataclass(frozen=True, eq=False)
class Footprint:
    """A lesion seen in one view of a left-oriented picture; pixels, x to the right, y down.

    Attributes:
        centre: (2,).
        radii: (2,) half-axes of the projected ellipsoid.
        rays: (n, 2) tips of the spicules or the single calcifications, from the centre.
        reach: how far the margin reaches, in half-axes.
    """

    centre: FloatArray
    radii: FloatArray
    rays: FloatArray
    reach: float

    def points(self, margin: float) -> FloatArray:
        """Return (n, 2) points whose convex hull, `margin` pixels around everything drawn, is the outline."""
        body = _CIRCLE * (self.radii * self.reach + margin)
        tips = (self.rays[:, None] + margin * _CIRCLE[::3]).reshape(-1, 2)
        return np.concatenate([body, tips]).astype(np.float32) + self.centre


def project(lesion: Lesion, breast: Breast, view: View, pose: Pose, frame: Frame) -> Footprint:
    """Project `lesion` into `view`."""
    lateral, above = _ACROSS[view]
    depth, *across = lesion.centre
    height = nipple_height(breast, view) - (lateral * across[0] + above * across[1])
    centre = (depth * pose.stretch, height + pose.shift + pose.shear * depth - frame.top)
    a, b, c = lesion.radii.tolist() if lesion.kind != "calcifications" else (0.0, 0.0, 0.0)
    radii = (a, float(np.hypot(lateral * b, above * c)))
    rays = np.stack([lesion.rays[:, 0], -lateral * lesion.rays[:, 1] - above * lesion.rays[:, 2]], axis=1)
    return Footprint(
        centre=np.array(centre, np.float32) / frame.spacing,
        radii=np.array(radii, np.float32) / frame.spacing,
        rays=rays.astype(np.float32) / frame.spacing,
        reach=_SHARP if lesion.kind == "circumscribed" else _SOFT,
    )


def outline(footprint: Footprint, frame: Frame, side: Side) -> FloatArray:
    """Return the points (n, 2) that span the lesion's outline, inside the picture as `side` shows it."""
    points = footprint.points(max(1.0, 1.2 / frame.spacing))
    if side == "R":
        points[:, 0] = frame.width - points[:, 0]
    return np.clip(points, 0.0, [frame.width, frame.height]).astype(np.float32)


def box(points: FloatArray) -> tuple[float, float, float, float]:
    """Return the outline's half-open bounding box (x0, y0, x1, y1) in pixels."""
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def mask(points: FloatArray, frame: Frame) -> NDArray[np.bool_]:
    """Return the filled outline (H, W)."""
    canvas = np.zeros((frame.height, frame.width), np.uint8)
    hull = cv2.convexHull(np.round(points - 0.5).astype(np.int32))
    cv2.fillConvexPoly(canvas, hull, 1)
    return canvas.astype(bool)
