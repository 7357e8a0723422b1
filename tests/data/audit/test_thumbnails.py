from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdl.data.audit.thumbnails import scan
from bcdl.errors import UserError


def noise(seed: int, shape: tuple[int, ...] = (256, 128, 1), top: int = 256) -> NDArray[Any]:
    kind = np.uint8 if top <= 256 else np.uint16
    return np.random.default_rng(seed).integers(0, top, shape).astype(kind)


def test_only_equal_pixels_have_equal_checksums() -> None:
    image = noise(0)
    other = image.copy()
    other[100, 50] ^= 1
    first, same, changed, turned = scan([image, image.copy(), other, image.reshape(128, 256, 1)]).checksums
    assert first == same
    assert len({first, changed, turned}) == 3


def test_given_checksums_are_taken_over() -> None:
    assert scan([noise(0), noise(0)], ["a", "b"]).checksums == ["a", "b"]


def test_checksums_of_other_images_are_an_error() -> None:
    with pytest.raises(UserError, match="checksum for each of 2 images, found 1"):
        scan([noise(0), noise(1)], ["a"])


@pytest.mark.parametrize("shape", [(256, 128, 1), (28, 28, 3), (256, 128, 2)])
def test_thumbnails_have_one_size_and_the_full_range(shape: tuple[int, ...]) -> None:
    scanned = scan([noise(0, shape), noise(1, shape, top=1000)])
    assert scanned.thumbnails.shape == (2, 64, 32)
    assert scanned.thumbnails.min(axis=(1, 2)).tolist() == [0, 0]
    assert scanned.thumbnails.max(axis=(1, 2)).tolist() == [255, 255]


def test_images_of_one_grey_level_are_blank_and_others_are_not() -> None:
    flat = [np.full((64, 32, 1), level, np.uint16) for level in (0, 700)]
    faint = np.zeros((64, 32, 1), np.uint16)
    faint[10:20, 10:20] = 3
    assert scan([*flat, faint]).blank.tolist() == [True, True, False]
