"""One pass over the stored pixels: a small copy of every image, its checksum, and whether it is blank.

All later comparisons work on these 64 x 32 pixels, so that the images themselves are read once.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.errors import UserError

Thumbnails = NDArray[np.uint8]  # (N, 64, 32)
Checksums = Sequence[str] | Sequence[bytes]
HEIGHT, WIDTH = 64, 32
_FLAT = 0.5  # grey levels between the darkest and the brightest thumbnail pixel of a blank image


class Images(Protocol):
    """Stored images: `images[i]` is an array (H, W, C) of uint8 or uint16."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> NDArray[Any]: ...


@dataclass(frozen=True, eq=False)
class Scan:
    """What one pass over the images gives.

    Attributes:
        thumbnails: (N, 64, 32) averaged pixels; each image's own range is spread over 0..255.
        checksums: (N,) equal for equal pixels and shapes.
        blank: (N,) whether the image has one grey level throughout.
    """

    thumbnails: Thumbnails
    checksums: Checksums
    blank: NDArray[np.bool_]


def scan(images: Images, checksums: Checksums | None = None) -> Scan:
    """Read every image once.

    Args:
        images: Stored images, all in one orientation or mirrored.
        checksums: One an image, where they are known; otherwise the pixels are hashed.

    Raises:
        UserError: There are not as many checksums as images.
    """
    if checksums is not None and len(checksums) != len(images):
        raise UserError(
            f"audit: expected a checksum for each of {len(images)} images, found {len(checksums)}; "
            "give those of the same store, or none"
        )
    thumbnails = np.zeros((len(images), HEIGHT, WIDTH), np.uint8)
    blank = np.zeros(len(images), np.bool_)
    hashes: list[str] = []
    for row in range(len(images)):
        image = np.asarray(images[row])
        thumbnails[row], blank[row] = _thumbnail(image)
        if checksums is None:
            hashes.append(_checksum(image))
    return Scan(thumbnails, hashes if checksums is None else checksums, blank)


def _thumbnail(image: NDArray[Any]) -> tuple[NDArray[np.uint8], bool]:
    grey = image.reshape(image.shape[:2]) if image.size == np.prod(image.shape[:2]) else image.mean(axis=2)
    small: NDArray[np.float32] = cv2.resize(
        np.ascontiguousarray(grey, dtype=np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA
    )
    low, high = float(small.min()), float(small.max())
    if high - low < _FLAT:
        return np.zeros((HEIGHT, WIDTH), np.uint8), True
    return np.round((small - low) * (255.0 / (high - low))).astype(np.uint8), False


def _checksum(image: NDArray[Any]) -> str:
    digest = hashlib.blake2b(f"{image.shape}{image.dtype}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()
