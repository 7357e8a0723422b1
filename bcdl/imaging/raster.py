"""Ordinary image files (PNG, JPEG, TIFF, PGM, NPY) as arrays of 8 or 16 bit; DICOM goes to `dicom`."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.errors import UserError
from bcdl.imaging.errors import ImageError
from bcdl.imaging.geometry import Pixels
from bcdl.imaging.picture import AS_IT_IS, Display, Picture
from bcdl.limits import MOST_PIXELS

INSTALL = "pip install 'bcdl[dicom]'"
DICOM = (".dcm", ".dicom")
FORMATS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm", ".npy", *DICOM)
_DEPTHS = (np.uint8, np.uint16)

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what it would print, ImageError says


def read_image(path: Path, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
    """Decode an image file: pixels (H, W) or (H, W, 3) RGB, uint8 or uint16; transparency is dropped.

    Args:
        path: A PNG, JPEG, TIFF, PGM or DICOM file, or an NPY file with such an array; a name without a
            suffix, or of digits alone, is a DICOM file's.
        frame: The page of a TIFF file or the frame of a DICOM file, from 0; the other formats have one only.
        display: How a DICOM file's grey values become display values; see `bcdl.imaging.dicom`.

    Raises:
        ImageError: The file is missing, empty, truncated, of another format, or not of 8 or 16 bit.
    """
    if looks_like_dicom(path):
        return _read_dicom(path, frame, display)
    if path.suffix.lower() not in FORMATS:
        raise ImageError(path, f"expected a file of {', '.join(FORMATS)}, found '{path.suffix}'")
    image = _load_npy(path) if path.suffix.lower() == ".npy" else _decode(_file_bytes(path), path, frame)
    return Picture(_checked(image, path))


def looks_like_dicom(path: Path) -> bool:
    """Return whether a file's name is one that DICOM files have: scanners and archives use no suffix."""
    suffix = path.suffix.lower()
    return suffix in (*DICOM, "") or suffix[1:].isdecimal()


def _read_dicom(path: Path, frame: int, display: Display) -> Picture:
    try:
        from bcdl.imaging.dicom import read_dicom
    except ModuleNotFoundError as error:
        raise UserError(f"DICOM needs pydicom and its codecs: {INSTALL}") from error
    return read_dicom(path, frame, display)


def _file_bytes(path: Path) -> NDArray[np.uint8]:
    try:
        data = np.fromfile(path, np.uint8)
    except FileNotFoundError as error:
        raise ImageError(path, "expected an image, found no such file") from error
    except OSError as error:
        raise ImageError(path, f"expected an image, cannot read it ({error.strerror})", True) from error
    if not data.size:
        raise ImageError(path, "expected an image, found an empty file (0 bytes)")
    return data


def _decode(data: NDArray[np.uint8], path: Path, frame: int) -> NDArray[np.generic]:
    try:
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if frame == 0 else _page(data, frame)
    except cv2.error as error:
        raise ImageError(path, f"cannot decode it ({error.err})") from error
    if image is None:
        raise ImageError(
            path,
            f"cannot decode frame {frame} of {data.size} bytes; expected a whole image "
            f"({', '.join(FORMATS)}), found one that is truncated, damaged or of another format",
        )
    return _rgb(image)


def _page(data: NDArray[np.uint8], frame: int) -> NDArray[np.generic] | None:
    _, pages = cv2.imdecodemulti(data, cv2.IMREAD_UNCHANGED, range=(frame, frame + 1))
    return pages[0] if pages else None


def _rgb(image: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return grey (H, W) or, from OpenCV's BGR or BGRA, RGB (H, W, 3)."""
    return image if image.ndim == 2 else np.ascontiguousarray(image[:, :, 2::-1])


def _load_npy(path: Path) -> NDArray[np.generic]:
    try:
        image: NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise ImageError(path, "expected an image, found no such file") from error
    except OSError as error:
        raise ImageError(path, f"expected an image, cannot read it ({error.strerror})", True) from error
    except (ValueError, EOFError) as error:
        raise ImageError(path, f"expected a whole array in NumPy's format ({error})") from error
    if image.size > 3 * MOST_PIXELS:
        raise ImageError(path, f"expected an image of at most {MOST_PIXELS:,} pixels, found {image.shape}")
    return np.array(image, dtype=image.dtype.newbyteorder("="))


def _checked(image: NDArray[np.generic], path: Path) -> Pixels:
    if image.dtype not in _DEPTHS:
        raise ImageError(
            path,
            f"expected pixels of 8 or 16 bit (uint8 or uint16), found {image.dtype}; "
            "convert the image, scaled to its whole range",
        )
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or not image.size:
        raise ImageError(path, f"expected (height, width) or (height, width, 3), found {image.shape}")
    return image  # type: ignore[return-value]  # its dtype was checked above
