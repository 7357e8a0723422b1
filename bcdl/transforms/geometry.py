"""Where the pixels of an image move to: parameters drawn apart from their application.

A `Geometry` says nothing about an image's size, so one draw serves every view of a sample.
"""

from dataclasses import dataclass

import albumentations.augmentations.geometric.functional as geometric
import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]  # (H, W, C)
ELASTIC_NODES = 5  # along each side: waves of a quarter of the image


@dataclass(frozen=True)
class Geometry:
    """One movement of an image; the defaults leave it in place.

    Attributes:
        angle: counter-clockwise rotation about the centre, in degrees.
        scale: enlargement about the centre.
        shift: `(x, y)` as shares of width and height.
        mirror: `(x, y)`: left-right, top-bottom.
        bend: `(ELASTIC_NODES, ELASTIC_NODES, 2)` displacements at the nodes of a coarse grid, as shares of
            the shorter side.
    """

    angle: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    mirror: tuple[bool, bool] = (False, False)
    bend: Pixels | None = None

    def apply(self, image: Pixels) -> Pixels:
        """Return the moved image, bilinear, 0 where nothing was."""
        if self.bend is not None:
            image = _bend(image, self.bend)
        if (self.angle, self.scale, self.shift, self.mirror) == (0.0, 1.0, (0.0, 0.0), (False, False)):
            return image
        height, width = image.shape[:2]
        moved: Pixels = geometric.warp_affine_with_value_extension(
            image, self.matrix(height, width), (width, height), cv2.INTER_LINEAR, cv2.BORDER_CONSTANT, 0.0
        )
        return moved.reshape(image.shape)

    def matrix(self, height: int, width: int) -> NDArray[np.float64]:
        """Return the `(2, 3)` matrix from old to new positions: mirror, then rotate and scale, then shift."""
        centre = ((width - 1) / 2, (height - 1) / 2)
        matrix: NDArray[np.float64] = cv2.getRotationMatrix2D(centre, self.angle, self.scale)
        for axis in (0, 1):
            if self.mirror[axis]:
                matrix[:, 2] += 2 * centre[axis] * matrix[:, axis]
                matrix[:, axis] *= -1
        matrix[:, 2] += self.shift[0] * width, self.shift[1] * height
        return matrix


def _bend(image: Pixels, nodes: Pixels) -> Pixels:
    """Displace each pixel by the cubic interpolation of the nodes' displacements."""
    height, width = image.shape[:2]
    field = cv2.resize(nodes, (width, height), interpolation=cv2.INTER_CUBIC) * min(height, width)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    bent: Pixels = geometric.remap(
        image, field[..., 0] + x, field[..., 1] + y[:, None], cv2.INTER_LINEAR, cv2.BORDER_CONSTANT, 0.0
    )
    return bent.reshape(image.shape)
