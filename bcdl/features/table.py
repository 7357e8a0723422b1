"""All features of an image as one vector, and of many images as one table."""

from collections.abc import Iterable
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from bcdl.errors import UserError
from bcdl.features.density import DENSITY, breast_mask, dense_mask, density
from bcdl.features.levels import Mask, quantise
from bcdl.features.shape import SHAPE, largest_region, shape
from bcdl.features.texture import COOCCURRENCE, MOMENTS, PATTERNS, binary_patterns, cooccurrence, moments
from bcdl.imaging import Pixels, to_channels

FEATURES: tuple[str, ...] = (
    *DENSITY,
    *(f"region_{name}" for name in SHAPE),
    *COOCCURRENCE,
    *PATTERNS,
    *MOMENTS,
)


def image_features(image: Pixels, mask: Mask | None = None) -> NDArray[np.float32]:
    """Measure `FEATURES` of an image, (F,).

    The image is first brought to 256 levels between its darkest and its brightest pixel: no feature depends
    on bit depth, brightness or contrast. Lengths and areas are relative to the image or the breast; textures
    are not, they depend on the size of a pixel. A mirror image has the same features.

    Args:
        image: (H, W), (H, W, 1) or in colour (H, W, 3), which counts in grey; 8 or 16 bit, air is darkest.
        mask: Pixels (H, W) of a lesion, whose shape takes the place of that of the largest dense region.

    Returns:
        Finite numbers. An image of one grey value has no breast: every feature is 0, but the lesion's shape.

    Raises:
        UserError: The image or the mask is of another kind or size, or scikit-image is not installed.
    """
    levels = quantise(_grey(image), 256)
    if mask is not None and mask.shape != levels.shape:
        raise UserError(f"expected a mask of the image's size {levels.shape}, found {mask.shape}")
    breast = breast_mask(levels)
    dense = dense_mask(levels, breast)
    region = largest_region(dense) if mask is None else mask
    unit = float(np.sqrt(np.count_nonzero(breast) or breast.size))  # pixels
    outline = {f"region_{name}": value for name, value in shape(region, unit).items()}
    texture = cooccurrence(levels, breast) | binary_patterns(levels, breast) | moments(levels, breast)
    values = density(breast, dense) | outline | texture
    return np.array([values[name] for name in FEATURES], np.float32)


def feature_table(
    images: Iterable[Pixels], masks: Iterable[Mask | None] | None = None
) -> NDArray[np.float32]:
    """Measure `FEATURES` of images, (N, F); see `image_features`.

    Args:
        images: Any number, of any size each.
        masks: A lesion's mask or None for each image; None is none for any.

    Raises:
        UserError: An image or a mask is of another kind or size, or scikit-image is not installed.
        ValueError: There are more or fewer masks than images.
    """
    pairs = zip(images, repeat(None), strict=False) if masks is None else zip(images, masks, strict=True)
    rows = [image_features(image, mask) for image, mask in pairs]
    return np.stack(rows) if rows else np.zeros((0, len(FEATURES)), np.float32)


def _grey(image: Pixels) -> Pixels:
    if image.dtype not in (np.uint8, np.uint16):
        raise UserError(
            f"expected pixels of 8 or 16 bit (uint8 or uint16), found {image.dtype}; "
            "scale the image to the whole range of one of them"
        )
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (1,), (3,)) or not image.size:
        raise UserError(f"expected an image (H, W), (H, W, 1) or (H, W, 3), found {image.shape}")
    return to_channels(image, 1)[:, :, 0]
