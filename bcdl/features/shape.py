"""The shape of one region of an image, such as its largest dense part or a lesion."""

import numpy as np

from bcdl.features.levels import Mask
from bcdl.features.library import scikit_image

SHAPE = ("area", "perimeter", "compactness", "solidity", "eccentricity", "extent")


def largest_region(mask: Mask) -> Mask:
    """Return the largest part (H, W) of `mask` that is connected through the sides of pixels."""
    labels = scikit_image("measure").label(mask, connectivity=1)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest: Mask = mask & (labels == sizes.argmax())
    return largest


def shape(region: Mask, unit: float = 1.0) -> dict[str, float]:
    """Measure `SHAPE` of a region (H, W), all of its parts taken together; 0 throughout for an empty one.

    Args:
        region: The pixels that belong to it.
        unit: Pixels of a length of 1; the area is in its square.

    Returns:
        `area`; `perimeter`, by Crofton's formula in four directions, which is right for a disc
        and 5 % short for a large upright square; `compactness`, 4 pi area / perimeter^2
        and at most 1, which a disc has; `solidity`, the share of the convex hull that it fills;
        `eccentricity`, of the ellipse with the same second moments, from 0 for a disc to 1 for a line;
        `extent`, the share of the upright bounding box that it fills.

    Source:
        scikit-image, `skimage.measure.regionprops`.
    """
    if not region.any():
        return dict.fromkeys(SHAPE, 0.0)
    (measured,) = scikit_image("measure").regionprops(region.astype(np.uint8))
    area, perimeter = float(measured.area), float(measured.perimeter_crofton)
    values = (
        area / unit**2,
        perimeter / unit,
        min(1.0, 4 * np.pi * area / perimeter**2),
        float(measured.solidity),
        float(measured.eccentricity),
        float(measured.extent),
    )
    return dict(zip(SHAPE, values, strict=True))
