"""One image of a DICOM file as grey values for display: decoded, windowed, upright in brightness.

Whatever the file's photometric interpretation, air is dark and tissue is bright afterwards. Nothing of the
header leaves this module; `bcdl.imaging.positioning` reads side and view from it.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, config, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array

from bcdl.imaging.errors import ImageError
from bcdl.imaging.geometry import Pixels
from bcdl.imaging.window import FUNCTIONS, Values, by_minmax, by_percentile, check_policy, stretch

config.settings.reading_validation_mode = config.IGNORE  # its warnings would quote what headers hold
_MOST_PIXELS = 250_000_000  # of one frame: a mammogram has up to 30 million
_GREY, _PALETTE = ("MONOCHROME1", "MONOCHROME2"), "PALETTE COLOR"
_BY_PIXELS = {"minmax": by_minmax, "percentile": by_percentile}
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


def read_dicom(path: Path, frame: int = 0, window: str = "auto") -> Pixels:
    """Decode one frame, (H, W) of uint8 or uint16 over their whole range, or (H, W, 3) RGB of uint8.

    Args:
        path: A DICOM file of any transfer syntax for which a codec is installed (extra `dicom`).
        frame: Number of the frame, from 0.
        window: `file` is the file's own VOI table or window; `none` the range of its stored bits; `auto` the
            file's own where it has one, else the range of its bits; `minmax` and `percentile` follow from the
            pixels. Colour images are left as they are.

    Raises:
        ImageError: The file is no DICOM, holds no such frame, is damaged, too large, or of an unknown kind.
        UserError: Another window.
    """
    check_policy(window)
    header = read_header(path, pixels=True)
    _require_pixels(header, frame, path)
    try:
        return _displayed(header, frame, window, path)
    except ImageError:
        raise
    except _UNDECODABLE as error:
        syntax, reason = header.file_meta.TransferSyntaxUID.name, " ".join(str(error).split())
        raise ImageError(
            f"{path}: cannot decode frame {frame} ({syntax}): {type(error).__name__}: {reason}. If a codec "
            "is missing: pip install 'bcdl[dicom]'; else the file is damaged, truncated or its tags are wrong"
        ) from error


def read_header(path: Path, pixels: bool = False) -> Dataset:
    """Return a file's data set, without its pixels unless they are wanted.

    Raises:
        ImageError: The file is missing, empty or no DICOM file.
    """
    try:
        if not path.stat().st_size:
            raise ImageError(f"{path}: expected a DICOM file, found an empty one (0 bytes)")
        return dcmread(path, stop_before_pixels=not pixels)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: expected a DICOM file, found no such file") from error
    except InvalidDicomError as error:
        raise ImageError(
            f"{path}: expected a DICOM file (its bytes 129 to 132 read 'DICM'), found another kind of file"
        ) from error
    except OSError as error:
        raise ImageError(f"{path}: expected a DICOM file, cannot read it ({error})") from error
    except _UNDECODABLE as error:
        raise ImageError(f"{path}: expected a DICOM file, found a damaged one ({error})") from error


def _require_pixels(header: Dataset, frame: int, path: Path) -> None:
    if "TransferSyntaxUID" not in header.file_meta:
        raise ImageError(
            f"{path}: expected a transfer syntax in the file's meta information, found none; "
            "write the file anew with a tool that adds it"
        )
    missing = [
        name
        for name in ("Rows", "Columns", "BitsStored", "PhotometricInterpretation")
        if header.get(name) is None
    ]
    if missing or "PixelData" not in header:
        raise ImageError(
            f"{path}: expected an image, found no {', '.join(missing) or 'PixelData'} in the file: it is "
            "another kind of object, or is truncated"
        )
    if any(name in header for name in _ENHANCED):
        raise ImageError(
            f"{path}: expected one image, found an enhanced object (such as tomosynthesis), whose frames "
            "have tags of their own; export the synthesised view, or single slices"
        )
    if header.Rows * header.Columns > _MOST_PIXELS:
        raise ImageError(
            f"{path}: expected an image of at most {_MOST_PIXELS:,} pixels, found {header.Rows} x "
            f"{header.Columns}"
        )
    frames = int(header.get("NumberOfFrames") or 1)
    if not 0 <= frame < frames:
        raise ImageError(f"{path}: expected a frame from 0 to {frames - 1}, found {frame}")


def _displayed(header: Dataset, frame: int, window: str, path: Path) -> Pixels:
    pixels = pixel_array(header, index=frame)
    if header.PhotometricInterpretation not in _GREY:
        return _colour(pixels, header, path)
    padding = _padding(pixels, header)
    shown = _grey(pixels, padding, header, window, path)
    if padding is not None:
        shown[padding] = 0
    dtype = np.uint8 if header.BitsStored <= 8 else np.uint16
    shown *= np.iinfo(dtype).max
    return np.rint(shown, out=shown).astype(dtype)


def _grey(
    pixels: NDArray[Any], padding: NDArray[np.bool_] | None, header: Dataset, window: str, path: Path
) -> Values:
    """Return grey values (H, W) as shares of the display's range, tissue bright."""
    values, bits = _modality(pixels, header)
    dark_is_high = header.PhotometricInterpretation == "MONOCHROME1"
    if window in _BY_PIXELS:
        known = None if padding is None else ~padding
        return _BY_PIXELS[window](-values if dark_is_high else values, known)
    shown = _by_header(values, bits, header, window, path)
    return np.subtract(1, shown, out=shown) if dark_is_high else shown


def _by_header(values: Values, bits: tuple[float, float], header: Dataset, window: str, path: Path) -> Values:
    if window != "none" and header.get("VOILUTSequence"):
        return _by_table(values, header)
    centre, width = _number(header, "WindowCenter"), _number(header, "WindowWidth")
    if window != "none" and centre is not None and width is not None:
        function = str(header.get("VOILUTFunction") or "LINEAR").upper()
        if function not in FUNCTIONS or width <= 0:
            raise ImageError(
                f"{path}: expected a window of {', '.join(FUNCTIONS)} wider than 0, found {function} of "
                f"width {width}; choose imaging.window=none or percentile"
            )
        return FUNCTIONS[function](values, centre, width)
    if window == "file":
        raise ImageError(
            f"{path}: expected a VOI table or a window in the file (imaging.window=file), found neither; "
            "choose imaging.window=auto or percentile"
        )
    return stretch(values, *bits)


def _modality(pixels: NDArray[Any], header: Dataset) -> tuple[Values, tuple[float, float]]:
    """Return the output of the modality LUT, and its range by the stored bits."""
    if header.get("ModalityLUTSequence"):
        bits = int(header.ModalityLUTSequence[0].LUTDescriptor[2])
        return apply_modality_lut(pixels, header).astype(np.float32), (0.0, 2.0**bits - 1)
    signed = header.get("PixelRepresentation") == 1
    least = -(2.0 ** (header.BitsStored - 1)) if signed else 0.0
    most = least + 2.0**header.BitsStored - 1
    slope, intercept = _number(header, "RescaleSlope") or 1.0, _number(header, "RescaleIntercept") or 0.0
    values = pixels.astype(np.float32)
    if (slope, intercept) != (1.0, 0.0):
        values *= np.float32(slope)
        values += np.float32(intercept)
    low, high = sorted((slope * least + intercept, slope * most + intercept))
    return values, (low, high)


def _by_table(values: Values, header: Dataset) -> Values:
    bits = int(header.VOILUTSequence[0].LUTDescriptor[2])
    looked_up = apply_voi_lut(np.rint(values).astype(np.int32), header, prefer_lut=True)
    return looked_up.astype(np.float32) / np.float32(2**bits - 1)


def _padding(pixels: NDArray[Any], header: Dataset) -> NDArray[np.bool_] | None:
    """Return which pixels are padding outside the image, None where the file names none."""
    value = _number(header, "PixelPaddingValue")
    if value is None:
        return None
    limit = _number(header, "PixelPaddingRangeLimit")
    other = value if limit is None else limit
    padding: NDArray[np.bool_] = (pixels >= min(value, other)) & (pixels <= max(value, other))
    return padding if padding.any() and not padding.all() else None


def _colour(pixels: NDArray[Any], header: Dataset, path: Path) -> Pixels:
    kind = str(header.PhotometricInterpretation)
    if kind == _PALETTE:
        coloured = apply_color_lut(pixels, header)
        pixels = (coloured >> (8 * (coloured.dtype.itemsize - 1))).astype(np.uint8)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ImageError(
            f"{path}: expected a grey image or RGB of 8 bit, found {kind} of {header.BitsStored} bit"
        )
    return np.ascontiguousarray(pixels)


def _number(header: Dataset, tag: str) -> float | None:
    """Return a tag's number, of several the first; None where it is missing or empty."""
    value = header.get(tag)
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    return None if value is None or value == "" else float(value)
