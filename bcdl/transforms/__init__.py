"""What happens to an image at train time: normalisation (`preprocess=`) and augmentation (`augment=`).

Neither touches the image store. Order and randomness come from the caller as a seed; nothing here keeps state
but the statistics learnt on the training images.
"""

from bcdl.transforms.augment import Augment
from bcdl.transforms.landmarks import Landmarks
from bcdl.transforms.preprocess import (
    CLAHE,
    FullScale,
    HistogramMatch,
    MinMax,
    Percentile,
    Preprocess,
    State,
    ZScore,
)

__all__ = [
    "CLAHE",
    "Augment",
    "FullScale",
    "HistogramMatch",
    "Landmarks",
    "MinMax",
    "Percentile",
    "Preprocess",
    "State",
    "ZScore",
]
