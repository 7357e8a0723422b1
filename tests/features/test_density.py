import numpy as np
import pytest
from numpy.typing import NDArray

from bcdl.features import breast_mask, dense_mask, density

Mask = NDArray[np.bool_]


def test_the_breast_is_what_is_brighter_than_air_without_a_marker(breast: Mask) -> None:
    image = np.where(breast, 80, 2).astype(np.uint8)  # noise up to 2 % of the range is air
    image[2:6, 27:30] = 250
    assert np.array_equal(breast_mask(image), breast)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_known_dense_share_is_found(breast: Mask, share: float) -> None:
    rows = round(32 * share)
    image = np.where(breast, 60, 0).astype(np.uint8)
    image[:rows, :24] = 180
    dense = dense_mask(image, breast)
    assert density(breast, dense) == {"breast_area": 0.75, "dense_share": share}
    assert dense[:rows, :24].all()


def test_the_brightness_of_the_air_does_not_move_the_threshold(breast: Mask) -> None:
    image = np.where(breast, 100, 0).astype(np.uint8)
    image[:, :6] = 140
    changed = np.where(breast, image, 90).astype(np.uint8)
    assert np.array_equal(dense_mask(changed, breast), dense_mask(image, breast))
    assert dense_mask(image, breast).sum() == 6 * 32


def test_an_even_breast_has_no_dense_part(breast: Mask) -> None:
    assert not dense_mask(np.where(breast, 90, 0).astype(np.uint8), breast).any()


def test_an_even_image_has_no_breast() -> None:
    nothing = breast_mask(np.full((8, 8), 90, np.uint8))
    assert not nothing.any()
    assert density(nothing, nothing) == {"breast_area": 0.0, "dense_share": 0.0}
