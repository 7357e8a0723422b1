"""From a file to an array of fixed size: decoding and geometry, without torch."""

from bcdl.imaging.errors import ImageError
from bcdl.imaging.geometry import Geometry, Pixels, to_channels, widen
from bcdl.imaging.picture import AS_IT_IS, UNREADABLE, Display, Picture, Problem
from bcdl.imaging.plausibility import pixel_problems
from bcdl.imaging.raster import looks_like_dicom, read_image
from bcdl.imaging.settings import Imaging, Prepared

__all__ = [
    "AS_IT_IS",
    "UNREADABLE",
    "Display",
    "Geometry",
    "ImageError",
    "Imaging",
    "Picture",
    "Pixels",
    "Prepared",
    "Problem",
    "looks_like_dicom",
    "pixel_problems",
    "read_image",
    "to_channels",
    "widen",
]
