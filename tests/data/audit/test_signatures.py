import numpy as np
from numpy.typing import NDArray

from bcdl.data.audit.signatures import BITS, signatures
from bcdl.data.audit.thumbnails import scan


def test_the_mirrored_signature_is_that_of_the_mirrored_image(phantom_pixels: NDArray[np.uint8]) -> None:
    thumbnails = scan(phantom_pixels[:20]).thumbnails
    mirrored = signatures(thumbnails[:, :, ::-1])
    differ = signatures(thumbnails).mirrored_bits != mirrored.bits
    assert differ.mean() < 0.001  # a coefficient of zero has no sign


def test_an_image_correlates_with_itself_and_its_mirror_image(phantom_pixels: NDArray[np.uint8]) -> None:
    thumbnails = scan(phantom_pixels[:3]).thumbnails
    both = signatures(np.concatenate([thumbnails, thumbnails[:, :, ::-1]]))
    one, other = np.arange(3), np.arange(3, 6)
    assert np.allclose(both.correlations(one, one, np.zeros(3, bool)), 1, atol=1e-2)
    assert np.allclose(both.correlations(one, other, np.ones(3, bool)), 1, atol=1e-2)
    assert both.correlations(one, other, np.zeros(3, bool)).max() < 0.9


def test_brightness_and_contrast_change_few_bits(phantom_pixels: NDArray[np.uint8]) -> None:
    images = phantom_pixels[:20]
    first, second = (signatures(scan(pixels).thumbnails).bits for pixels in (images, images // 2 + 40))
    assert first.shape == (20, BITS)
    assert (first != second).sum(axis=1).max() <= 6


def test_a_blank_thumbnail_has_no_signature() -> None:
    assert not signatures(np.zeros((1, 64, 32), np.uint8)).coefficients.any()
