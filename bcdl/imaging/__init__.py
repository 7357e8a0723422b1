"""From a file to an array of fixed size: decoding and geometry, without torch."""

from bcdl.imaging.errors import ImageError
from bcdl.imaging.geometry import Pixels, fit, fit_box, fit_mask, to_channels, widen
from bcdl.imaging.raster import read_image
from bcdl.imaging.settings import Imaging

__all__ = [
    "ImageError",
    "Imaging",
    "Pixels",
    "fit",
    "fit_box",
    "fit_mask",
    "read_image",
    "to_channels",
    "widen",
]
