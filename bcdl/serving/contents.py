"""The bytes of one image, as sent: raw, or base64 as text; and what kind of file they are."""

import base64
import binascii

from bcdl.imaging import ImageError

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"II*\x00": ".tif",
    b"MM\x00*": ".tif",
    b"P5": ".pgm",
    b"\x93NUMPY": ".npy",
}
_PREAMBLE = slice(128, 132)  # of a DICOM file, where it says DICM


def content(cell: object) -> bytes:
    """Return the bytes of an image from what a table or a JSON request holds.

    Raises:
        ImageError: it is neither bytes nor base64 text, or empty.
    """
    if isinstance(cell, str):
        return _decoded(cell)
    if not isinstance(cell, bytes | bytearray | memoryview):
        raise ImageError("", f"expected bytes or base64 text, found {_kind(cell)}")
    if not len(cell):
        raise ImageError("", "expected an image, found 0 bytes")
    return bytes(cell)


def suffix(data: bytes) -> str:
    """Return the suffix that a file with these bytes has.

    Raises:
        ImageError: they are of no format that is read.
    """
    if data[_PREAMBLE] == b"DICM":
        return ".dcm"
    for magic, found in _MAGIC.items():
        if data.startswith(magic):
            return found
    raise ImageError(
        "", f"expected a PNG, JPEG, TIFF, PGM, NPY or DICOM file, found {len(data)} bytes of another kind"
    )


def _decoded(text: str) -> bytes:
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError("", "expected base64 of an image file, found text that is none") from error
    return content(data)


def _kind(cell: object) -> str:
    missing = cell is None or (isinstance(cell, float) and cell != cell)
    return "nothing" if missing else type(cell).__name__
