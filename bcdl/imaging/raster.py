"""Ordinary image files (PNG, JPEG, TIFF, PGM, NPY) as arrays of 8 or 16 bit; DICOM goes to `dicom`."""

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.errors import UserError
from bcdl.imaging.errors import ImageError
from bcdl.imaging.geometry import Pixels

DICOM = (".dcm", ".dicom")
FORMATS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm", ".npy", *DICOM)
_DEPTHS = (np.uint8, np.uint16)

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what it would print, ImageError says


def read_image(path: Path, frame: int = 0, window: str = "auto") -> Pixels:
    """Decode an image file, (H, W) or (H, W, 3) RGB, uint8 or uint16; transparency is dropped.

    Args:
        path: A PNG, JPEG, TIFF, PGM or DICOM file, or an NPY file with such an array.
        frame: The page of a TIFF file or the frame of a DICOM file, from 0; the other formats have one only.
        window: How a DICOM file's grey values become display values; see `bcdl.imaging.dicom`.

    Raises:
        ImageError: The file is missing, empty, truncated, of another format, or not of 8 or 16 bit.
    """
    if path.suffix.lower() not in FORMATS:
        raise ImageError(f"{path}: expected a file of {', '.join(FORMATS)}, found '{path.suffix}'")
    if path.suffix.lower() in DICOM:
        return _read_dicom(path, frame, window)
    data = _file_bytes(path)
    image = _load_npy(data, path) if path.suffix.lower() == ".npy" else _decode(data, path, frame)
    return _checked(image, path)


def _read_dicom(path: Path, frame: int, window: str) -> Pixels:
    try:
        from bcdl.imaging.dicom import read_dicom
    except ModuleNotFoundError as error:
        raise UserError(f"{path}: DICOM needs pydicom and its codecs: pip install 'bcdl[dicom]'") from error
    return read_dicom(path, frame, window)


def _file_bytes(path: Path) -> NDArray[np.uint8]:
    try:
        data = np.fromfile(path, np.uint8)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: expected an image, found no such file") from error
    except OSError as error:
        raise ImageError(f"{path}: expected an image, cannot read it ({error.strerror})") from error
    if not data.size:
        raise ImageError(f"{path}: expected an image, found an empty file (0 bytes)")
    return data


def _decode(data: NDArray[np.uint8], path: Path, frame: int) -> NDArray[np.generic]:
    try:
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if frame == 0 else _page(data, frame)
    except cv2.error as error:
        raise ImageError(f"{path}: cannot decode it ({error.err})") from error
    if image is None:
        raise ImageError(
            f"{path}: cannot decode frame {frame} of {data.size} bytes; expected a whole image "
            f"({', '.join(FORMATS)}), found one that is truncated, damaged or of another format"
        )
    return _rgb(image)


def _page(data: NDArray[np.uint8], frame: int) -> NDArray[np.generic] | None:
    _, pages = cv2.imdecodemulti(data, cv2.IMREAD_UNCHANGED, range=(frame, frame + 1))
    return pages[0] if pages else None


def _rgb(image: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return grey (H, W) or, from OpenCV's BGR or BGRA, RGB (H, W, 3)."""
    return image if image.ndim == 2 else np.ascontiguousarray(image[:, :, 2::-1])


def _load_npy(data: NDArray[np.uint8], path: Path) -> NDArray[np.generic]:
    try:
        image: NDArray[np.generic] = np.load(BytesIO(data.tobytes()), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ImageError(f"{path}: expected a whole array in NumPy's format ({error})") from error
    return image.astype(image.dtype.newbyteorder("="), copy=False)


def _checked(image: NDArray[np.generic], path: Path) -> Pixels:
    if image.dtype not in _DEPTHS:
        raise ImageError(
            f"{path}: expected pixels of 8 or 16 bit (uint8 or uint16), found {image.dtype}; "
            "convert the image, scaled to its whole range"
        )
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or not image.size:
        raise ImageError(f"{path}: expected (height, width) or (height, width, 3), found {image.shape}")
    return image  # type: ignore[return-value]  # its dtype was checked above
