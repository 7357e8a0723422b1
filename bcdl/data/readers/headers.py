"""What readers need to know of DICOM headers; pydicom, an extra, is imported with the first of them."""

from pathlib import Path
from typing import TYPE_CHECKING

from bcdl.errors import UserError

if TYPE_CHECKING:
    from pydicom import Dataset


def header_size(file: Path) -> tuple[int, int]:
    """Return an image's height and width, 0 where its header does not say.

    Raises:
        ImageError: The file is missing or no DICOM file.
        UserError: pydicom is missing.
    """
    header = _header(file)
    return int(header.get("Rows") or 0), int(header.get("Columns") or 0)


def header_position(file: Path) -> tuple[str, str]:
    """Return the side and the view that an image shows, `NA` where its header does not say.

    Raises:
        ImageError: The file is missing or no DICOM file.
        UserError: pydicom is missing.
    """
    header = _header(file)
    from bcdl.imaging.positioning import laterality, view

    return laterality(header).value, view(header).value


def _header(file: Path) -> "Dataset":
    try:
        from bcdl.imaging.dicom import read_header
    except ModuleNotFoundError as error:
        raise UserError(
            f"{file}: reading DICOM headers needs pydicom, found none: pip install 'bcdl[dicom]'"
        ) from error
    return read_header(file)
