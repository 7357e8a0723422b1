"""How much of an image is breast, and how much of the breast is dense."""

import numpy as np

from bcdl.features.levels import Levels, Mask
from bcdl.features.library import scikit_image
from bcdl.features.shape import largest_region

DENSITY = ("breast_area", "dense_share")
_AIR = 0.02  # share of the image's range of grey values up to which a pixel is air


def breast_mask(levels: Levels) -> Mask:
    """Return the pixels (H, W) of the breast: the largest connected part that is brighter than air.

    Air is what lies within 2 % of the image's range above its darkest value. Markers that do not touch the
    breast are left out. An image of one grey value has no breast; one without air (ultrasound) is breast
    almost everywhere.
    """
    low, high = int(levels.min()), int(levels.max())
    return largest_region(levels > low + _AIR * (high - low))


def dense_mask(levels: Levels, breast: Mask) -> Mask:
    """Return the pixels (H, W) of the breast that are brighter than Otsu's threshold of the breast's pixels.

    A breast of one grey value has no dense part; in any other, some part is dense.

    Source:
        Otsu, A threshold selection method from gray-level histograms, IEEE Transactions on Systems, Man, and
        Cybernetics 9(1), 1979. Percent density by a threshold within the breast: Byng et al., The
        quantitative analysis of mammographic densities, Physics in Medicine and Biology 39(10), 1994.
    """
    tissue = levels[breast]
    if not tissue.size or tissue.min() == tissue.max():
        return np.zeros_like(breast)
    dense: Mask = breast & (levels > scikit_image("filters").threshold_otsu(tissue))
    return dense


def density(breast: Mask, dense: Mask) -> dict[str, float]:
    """Return `DENSITY`: the breast as a share of the image, the dense part as a share of the breast."""
    area, dense_area = int(breast.sum()), int(dense.sum())
    shares = (area / breast.size, dense_area / max(1, area))
    return dict(zip(DENSITY, shares, strict=True))
