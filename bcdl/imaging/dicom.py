"""One image of a DICOM file as grey values for display: decoded, windowed, upright in brightness.

Whatever the file's photometric interpretation, air is dark and tissue is bright afterwards. Nothing of the
header leaves this module; `bcdl.imaging.positioning` reads side and view from it.
"""

import logging
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, config, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array

from bcdl.imaging.errors import ImageError
from bcdl.imaging.geometry import Pixels
from bcdl.imaging.grey import beyond_bits, grey_values, number
from bcdl.imaging.picture import AS_IT_IS, Display, Picture
from bcdl.imaging.positioning import laterality
from bcdl.imaging.quality import header_problems
from bcdl.imaging.window import check_policy
from bcdl.limits import MOST_PIXELS

# What pydicom says quotes headers and file names, which are private; what it cannot read is an ImageError.
config.settings.reading_validation_mode = config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", module="pydicom")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_GREY, _PALETTE = ("MONOCHROME1", "MONOCHROME2"), "PALETTE COLOR"
_ENHANCED = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_UNDECODABLE = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)


def read_dicom(path: Path, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
    """Decode one frame: pixels (H, W) of uint8 or uint16, or (H, W, 3) RGB of uint8.

    Args:
        path: A DICOM file of any transfer syntax for which a codec is installed (extra `dicom`).
        frame: Number of the frame, from 0.
        display: Of its windows, `file` is the file's own VOI table or window; `none` the range of its stored
            bits; `auto` the file's own where it has one, else the range of its bits; `minmax` and
            `percentile` follow from the pixels. Colour images are left as they are.

    Raises:
        ImageError: The file is no DICOM, holds no such frame, is damaged, too large, or of an unknown kind.
        UserError: Another window.
    """
    check_policy(display.window)
    header = read_header(path, pixels=True)
    if "Rows" not in header and "Rows" in read_header(path):
        raise ImageError(path, "expected a whole file, found one that ends within its pixels: truncated")
    _require_pixels(header, path)
    _require_frame(header, frame, display.multi_frame, path)
    try:
        return _picture(header, frame, display, path)
    except ImageError:
        raise
    except _UNDECODABLE as error:
        syntax, reason = header.file_meta.TransferSyntaxUID.name, _unquoted(str(error))
        raise ImageError(
            path,
            f"cannot decode frame {frame} ({syntax}): {type(error).__name__}: {reason}. If a codec "
            "is missing: pip install 'bcdl[dicom]'; else the file is damaged, truncated or wrongly tagged",
        ) from error


def _unquoted(message: str) -> str:
    """Return a library's message without what it quotes: that may be a header's value."""
    return _QUOTED.sub("…", " ".join(message.split()))


def read_header(path: Path, pixels: bool = False) -> Dataset:
    """Return a file's data set, without its pixels unless they are wanted.

    Raises:
        ImageError: The file is missing, empty or no DICOM file.
    """
    try:
        if not path.stat().st_size:
            raise ImageError(path, "expected a DICOM file, found an empty one (0 bytes)")
        return dcmread(path, stop_before_pixels=not pixels)
    except FileNotFoundError as error:
        raise ImageError(path, "expected a DICOM file, found no such file") from error
    except InvalidDicomError as error:
        raise ImageError(
            path, "expected a DICOM file (its bytes 129 to 132 read 'DICM'), found another kind of file"
        ) from error
    except OSError as error:
        raise ImageError(path, f"expected a DICOM file, cannot read it ({error.strerror})", True) from error
    except _UNDECODABLE as error:
        raise ImageError(
            path, f"expected a DICOM file, found a damaged one ({type(error).__name__})"
        ) from error


def _require_pixels(header: Dataset, path: Path) -> None:
    if "TransferSyntaxUID" not in header.file_meta:
        raise ImageError(
            path,
            "expected a transfer syntax in the file's meta information, found none; "
            "write the file anew with a tool that adds it",
        )
    missing = [
        name
        for name in ("Rows", "Columns", "BitsStored", "PhotometricInterpretation")
        if header.get(name) is None
    ]
    if missing or "PixelData" not in header:
        raise ImageError(
            path,
            f"expected an image, found no {', '.join(missing) or 'PixelData'} in the file: it is "
            "another kind of object, or is truncated",
        )
    if any(name in header for name in _ENHANCED):
        raise ImageError(
            path,
            "expected one image, found an enhanced object (such as tomosynthesis), whose frames "
            "have tags of their own; export the synthesised view, or single slices",
        )
    if header.Rows * header.Columns > MOST_PIXELS:
        raise ImageError(
            path,
            f"expected an image of at most {MOST_PIXELS:,} pixels, found {header.Rows} x {header.Columns}",
        )


def _require_frame(header: Dataset, frame: int, multi_frame: str, path: Path) -> None:
    frames = int(header.get("NumberOfFrames") or 1)
    if frames > 1 and multi_frame == "refuse":
        raise ImageError(
            path,
            f"expected one image, found {frames} frames; set imaging.multi_frame=frame to take the one that "
            "the exam table's column frame names, the first where it names none",
        )
    if not 0 <= frame < frames:
        raise ImageError(path, f"expected a frame from 0 to {frames - 1}, found {frame}")


def _picture(header: Dataset, frame: int, display: Display, path: Path) -> Picture:
    unsigned = header.get("PixelRepresentation") != 1  # bits that are not in use extend the sign of others
    stored = pixel_array(header, index=frame, correct_unused_bits=not unsigned)
    if header.PhotometricInterpretation in _GREY:
        beyond = beyond_bits(stored, header)  # grey_values writes over them
        pixels = grey_values(stored, header, display.window, path)
    else:
        pixels, beyond = _colour(stored, header, path), ()
    problems = (*header_problems(header, display.modality), *beyond)
    return Picture(pixels, _spacing(header), laterality(header).value, problems)


def _colour(pixels: NDArray[Any], header: Dataset, path: Path) -> Pixels:
    kind = str(header.PhotometricInterpretation)
    if kind == _PALETTE:
        coloured = apply_color_lut(pixels, header)
        pixels = (coloured >> (8 * (coloured.dtype.itemsize - 1))).astype(np.uint8)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ImageError(
            path, f"expected a grey image or RGB of 8 bit, found {kind} of {header.BitsStored} bit"
        )
    return np.ascontiguousarray(pixels)


def _spacing(header: Dataset) -> float | None:
    """Return the distance of rows in millimetres: calibrated in the patient, or at the detector."""
    spacing = number(header, "PixelSpacing") or number(header, "ImagerPixelSpacing")
    return spacing if spacing and spacing > 0 else None
