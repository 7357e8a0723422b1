"""Hand-crafted features of one image: density, shape and texture (extra `radiomics`).

Pure functions of arrays, with nothing to learn. scikit-image is imported when a feature is first measured.
"""

from bcdl.features.density import breast_mask, dense_mask, density
from bcdl.features.shape import largest_region, shape
from bcdl.features.table import FEATURES, feature_table, image_features
from bcdl.features.texture import binary_patterns, cooccurrence, moments

__all__ = [
    "FEATURES",
    "binary_patterns",
    "breast_mask",
    "cooccurrence",
    "dense_mask",
    "density",
    "feature_table",
    "image_features",
    "largest_region",
    "moments",
    "shape",
]
