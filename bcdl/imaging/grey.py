"""From a DICOM file's stored values to grey values for display.

Every step works on the few thousand values that can be stored, not on the millions of pixels: what each
becomes is computed once and looked up.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from bcdl.imaging.errors import ImageError
from bcdl.imaging.geometry import Pixels
from bcdl.imaging.picture import Problem
from bcdl.imaging.window import FUNCTIONS, Values, by_minmax, by_percentile, stretch

_BY_PIXELS = {"minmax": by_minmax, "percentile": by_percentile}
_WIDE_TABLES = tuple(map(int, cv2.__version__.split(".")[:2])) >= (4, 13)  # OpenCV looks up 16 bit


def beyond_bits(stored: NDArray[Any], header: Dataset) -> tuple[Problem, ...]:
    """Object to unsigned values that need more bits than the file says it uses."""
    most = 2 ** int(header.BitsStored) - 1
    if header.get("PixelRepresentation") == 1 or np.iinfo(stored.dtype).max <= most:
        return ()
    found = int(stored.max())
    if found <= most:
        return ()
    detail = f"expected values up to {most} (BitsStored {header.BitsStored}), found {found}"
    return (Problem("beyond_bits", detail),)


def grey_values(stored: NDArray[Any], header: Dataset, window: str, path: Path) -> Pixels:
    """Return display values (H, W): computed once for every value that can be stored, then looked up.

    They are written over the array of stored values where they are of its type.
    """
    if stored.dtype.itemsize > 2 or stored.dtype.kind not in "iu" or stored.ndim != 2:
        raise ImageError(
            path, f"expected grey values of 8 to 16 bit, found {stored.dtype} of shape {stored.shape}"
        )
    codes = stored.view(f"u{stored.dtype.itemsize}")
    every = np.arange(2 ** (8 * stored.dtype.itemsize), dtype=codes.dtype).view(stored.dtype)
    padding = _padding(every, header)
    if padding.any() and not _counts(codes)[~padding].any():
        padding[:] = False
    shown = _shares(every, codes, padding, header, window, path)
    shown[padding] = 0
    dtype = np.uint8 if header.BitsStored <= 8 else np.uint16
    return _looked_up(np.rint(shown * np.iinfo(dtype).max).astype(dtype), codes)


def _looked_up(table: Pixels, codes: Pixels) -> Pixels:
    """Return a table's entry for every pixel (H, W), written over the codes where it is of their type."""
    if codes.dtype == table.dtype and (table == np.arange(table.size)).all():
        return codes
    if codes.dtype == np.uint16 and not _WIDE_TABLES:
        return np.take(table, codes)
    pixels: Pixels = cv2.LUT(codes, table, dst=codes if codes.dtype == table.dtype else None)
    return pixels


def _counts(codes: Pixels) -> NDArray[np.float32]:
    """Return how many pixels have each code."""
    size = 2 ** (8 * codes.dtype.itemsize)
    counts: NDArray[np.float32] = cv2.calcHist([codes], [0], None, [size], [0, size]).ravel()
    return counts


def _shares(
    every: NDArray[Any],
    codes: Pixels,
    padding: NDArray[np.bool_],
    header: Dataset,
    window: str,
    path: Path,
) -> Values:
    """Return the share of the display's range for every stored value, tissue bright."""
    values, bits = _modality(every, header)
    dark_is_high = header.PhotometricInterpretation == "MONOCHROME1"
    if window in _BY_PIXELS:
        counts = _counts(codes) * ~padding
        return _BY_PIXELS[window](-values if dark_is_high else values, counts)
    shown = _by_header(values, bits, header, window, path)
    return 1 - shown if dark_is_high else shown


def _by_header(values: Values, bits: tuple[float, float], header: Dataset, window: str, path: Path) -> Values:
    if window != "none" and header.get("VOILUTSequence"):
        return _by_table(values, header)
    centre, width = number(header, "WindowCenter"), number(header, "WindowWidth")
    if window != "none" and centre is not None and width is not None:
        function = str(header.get("VOILUTFunction") or "LINEAR").upper()
        if function not in FUNCTIONS or width <= 0:
            raise ImageError(
                path,
                f"expected a window of {', '.join(FUNCTIONS)} wider than 0, found another function or a "
                f"width of {width}; choose imaging.window=none or percentile",
            )
        return FUNCTIONS[function](values, centre, width)
    if window == "file":
        raise ImageError(
            path,
            "expected a VOI table or a window in the file (imaging.window=file), found neither; "
            "choose imaging.window=auto or percentile",
        )
    return stretch(values, *bits)


def _modality(every: NDArray[Any], header: Dataset) -> tuple[Values, tuple[float, float]]:
    """Return the modality LUT of every stored value, and its range by the stored bits."""
    if header.get("ModalityLUTSequence"):
        bits = int(header.ModalityLUTSequence[0].LUTDescriptor[2])
        return apply_modality_lut(every, header).astype(np.float32), (0.0, 2.0**bits - 1)
    signed = header.get("PixelRepresentation") == 1
    least = -(2.0 ** (header.BitsStored - 1)) if signed else 0.0
    most = least + 2.0**header.BitsStored - 1
    slope, intercept = number(header, "RescaleSlope") or 1.0, number(header, "RescaleIntercept") or 0.0
    low, high = sorted((slope * least + intercept, slope * most + intercept))
    return every.astype(np.float32) * np.float32(slope) + np.float32(intercept), (low, high)


def _by_table(values: Values, header: Dataset) -> Values:
    bits = int(header.VOILUTSequence[0].LUTDescriptor[2])
    looked_up = apply_voi_lut(np.rint(values).astype(np.int32), header, prefer_lut=True)
    return looked_up.astype(np.float32) / np.float32(2**bits - 1)


def _padding(every: NDArray[Any], header: Dataset) -> NDArray[np.bool_]:
    """Return which stored values are padding outside the image."""
    value = number(header, "PixelPaddingValue")
    if value is None:
        return np.zeros(every.shape, np.bool_)
    limit = number(header, "PixelPaddingRangeLimit")
    other = value if limit is None else limit
    padding: NDArray[np.bool_] = (every >= min(value, other)) & (every <= max(value, other))
    return padding


def number(header: Dataset, tag: str) -> float | None:
    """Return a tag's number, of several the first; None where it is missing or empty."""
    value = header.get(tag)
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    return None if value is None or value == "" else float(value)
