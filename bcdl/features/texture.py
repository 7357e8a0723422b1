"""The texture of the breast: pairs of grey levels, patterns of neighbours, and the histogram's moments."""

import numpy as np

from bcdl.features.levels import Levels, Mask, quantise
from bcdl.features.library import scikit_image

DISTANCES = (1, 3)  # pixels between the two of a pair
PROPERTIES = ("contrast", "dissimilarity", "homogeneity", "energy", "correlation")
COOCCURRENCE = tuple(f"glcm_{name}_{distance}" for distance in DISTANCES for name in PROPERTIES)
PATTERNS = tuple(f"lbp_{number}" for number in range(10))
MOMENTS = ("grey_mean", "grey_std", "grey_skewness", "grey_kurtosis", "grey_entropy")
_ANGLES = (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
_LEVELS = 32


def cooccurrence(levels: Levels, breast: Mask) -> dict[str, float]:
    """Measure `COOCCURRENCE`: how the two grey levels of a pair of breast pixels go together.

    32 levels span the breast's own range; each property is the mean over four angles of its symmetric matrix.
    All are 0 where there is no pair.

    Source:
        Haralick et al., Textural features for image classification, IEEE Transactions on Systems, Man, and
        Cybernetics 3(6), 1973; the formulas are those of `skimage.feature.graycoprops`.
    """
    feature = scikit_image("feature")
    bins = np.where(breast, quantise(levels, _LEVELS, breast) + 1, 0).astype(np.uint8)  # 0 is no breast
    pairs = feature.graycomatrix(bins, DISTANCES, _ANGLES, levels=_LEVELS + 1, symmetric=True)
    pairs = pairs[1:, 1:]  # (32, 32, distances, angles)
    means = np.stack([feature.graycoprops(pairs, name).mean(axis=1) for name in PROPERTIES], axis=1)
    means[~pairs.any(axis=(0, 1, 3))] = 0.0
    return dict(zip(COOCCURRENCE, means.ravel().tolist(), strict=True))


def binary_patterns(levels: Levels, breast: Mask) -> dict[str, float]:
    """Measure `PATTERNS`: shares of the breast's pixels with each uniform local binary pattern, P = 8, R = 1.

    Number k of 0 to 8 has k neighbours at least as bright, side by side; 9 is every pattern that is not
    uniform. All are 0 where there is no breast.

    Source:
        Ojala et al., Multiresolution gray-scale and rotation invariant texture classification with local
        binary patterns, IEEE Transactions on Pattern Analysis and Machine Intelligence 24(7), 2002.
    """
    patterns = scikit_image("feature").local_binary_pattern(levels, 8, 1, method="uniform")
    counts = np.bincount(patterns[breast].astype(np.intp), minlength=len(PATTERNS))
    return dict(zip(PATTERNS, (counts / max(1, counts.sum())).tolist(), strict=True))


def moments(levels: Levels, breast: Mask) -> dict[str, float]:
    """Measure `MOMENTS` of the breast's grey levels, which are taken as 0 to 1.

    Returns:
        Mean and standard deviation; skewness; excess kurtosis, 0 for a normal distribution; entropy in bits.
        Skewness and kurtosis of a single grey value are 0, and so is all of no breast.
    """
    tissue = levels[breast] / 255.0
    if not tissue.size:
        return dict.fromkeys(MOMENTS, 0.0)
    mean, deviation = float(tissue.mean()), float(tissue.std())
    skewness = kurtosis = 0.0
    if tissue.min() < tissue.max():
        standardised = (tissue - mean) / deviation
        skewness, kurtosis = float((standardised**3).mean()), float((standardised**4).mean()) - 3
    shares = np.bincount(levels[breast]) / tissue.size
    entropy = -float((shares * np.log2(shares, where=shares > 0, out=np.zeros_like(shares))).sum())
    return dict(zip(MOMENTS, (mean, deviation, skewness, kurtosis, entropy), strict=True))
