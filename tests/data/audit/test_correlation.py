from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.data.audit.correlation import similarity
from bcdl.data.audit.thumbnails import scan


def test_a_mirrored_copy_is_the_same_only_when_turned_back(phantom_pixels: NDArray[np.uint8]) -> None:
    thumbnail = scan(phantom_pixels[:1]).thumbnails[0]
    assert similarity(thumbnail, thumbnail[:, ::-1], True, 0.9) > 0.999
    assert similarity(thumbnail, thumbnail[:, ::-1], False, 0.9) < 0.5


def test_alignment_recognises_a_crop_that_differs_pixel_by_pixel(phantom_pixels: NDArray[np.uint8]) -> None:
    image = phantom_pixels[0, :, :, 0]
    cropped = cv2.resize(image[12:-12, 6:-6], (128, 256), interpolation=cv2.INTER_AREA)
    one, other = scan(np.stack([image, cropped])[..., None]).thumbnails
    assert similarity(one, other, False, enough=-1.0) < 0.7
    assert similarity(one, other, False, enough=0.9) > 0.9


def test_different_patients_stay_below_the_threshold(phantom_pixels: NDArray[np.uint8]) -> None:
    left_cc = scan(phantom_pixels[::4]).thumbnails
    found = [similarity(one, two, False, 0.86) for one, two in pairwise(left_cc)]
    assert max(found) < 0.8


def test_a_picture_without_detail_correlates_with_nothing() -> None:
    flat, drawn = np.zeros((64, 32), np.uint8), np.eye(64, 32, dtype=np.uint8) * 255
    assert similarity(flat, drawn, False, 0.9) == 0.0
