"""A perceptual hash: the signs of 128 DCT coefficients of a thumbnail.

Source: the DCT hash of Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010, with
two changes. The lowest frequencies are left out, because all breasts share their coarse shape; and signs are
taken about 0, so that the hash of the mirrored image follows from that of the image: coefficients of odd
horizontal frequency change their sign.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.data.audit.thumbnails import HEIGHT, WIDTH, Thumbnails

BITS = 128
_LOWEST = 3.0  # half-periods over the height; below lies the breast's shape


@dataclass(frozen=True, eq=False)
class Signatures:
    """The middle frequencies of N thumbnails.

    Attributes:
        coefficients: (N, 128) float16, of length 1; their dot product is the correlation of two images.
    """

    coefficients: NDArray[np.float16]

    @property
    def bits(self) -> NDArray[np.bool_]:
        """(N, 128) the signs."""
        return self.coefficients > 0

    @property
    def mirrored_bits(self) -> NDArray[np.bool_]:
        """(N, 128) the signs of the mirrored images."""
        return self.coefficients * PARITY > 0

    def correlations(
        self, first: NDArray[np.int64], second: NDArray[np.int64], mirrored: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return the correlation of pairs of images, the second one mirrored where it says so."""
        other = self.coefficients[second].astype(np.float32)
        other[mirrored] *= PARITY
        dots: NDArray[np.float32] = (self.coefficients[first].astype(np.float32) * other).sum(axis=1)
        return dots


def signatures(thumbnails: Thumbnails) -> Signatures:
    """Compute the signatures of thumbnails (N, 64, 32)."""
    coefficients = np.zeros((len(thumbnails), BITS), np.float16)
    for row, thumbnail in enumerate(thumbnails):
        values = cv2.dct(thumbnail.astype(np.float32))[_ROWS, _COLUMNS] * _WEIGHTS
        coefficients[row] = values / max(float(np.linalg.norm(values)), 1e-6)
    return Signatures(coefficients)


def _frequencies() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return row, column and radius of the 128 lowest frequencies above the breast's shape."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].reshape(2, -1)
    radius = np.hypot(rows, columns * (HEIGHT / WIDTH))
    order = np.argsort(radius, kind="stable")
    chosen = order[radius[order] >= _LOWEST][:BITS]
    return rows[chosen], columns[chosen], radius[chosen].astype(np.float32)


_ROWS, _COLUMNS, _WEIGHTS = _frequencies()  # the weight undoes the 1/f spectrum of tissue
PARITY = np.where(_COLUMNS % 2, -1, 1).astype(np.float16)
