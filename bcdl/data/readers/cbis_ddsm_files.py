"""Where the images, crops and masks of CBIS-DDSM lie: its tables name files that downloads name otherwise.

Folders keep their names in every download, so the exam table names folders, and the file is looked up when it
is needed: an image's folder holds one DICOM file, an abnormality's folder its crop and its mask, one or two
levels below, in one series or in two.
"""

import os
import re
from pathlib import Path

from bcdl.data.readers.headers import header_size
from bcdl.imaging import Display, ImageError, read_image

COLLECTION = "CBIS-DDSM"
_PREFIXES = ("Mass-", "Calc-")
_ABNORMALITY = re.compile(r".+_(LEFT|RIGHT)_(CC|MLO)_\d+")


def image_folders(root: Path) -> tuple[Path, set[str]]:
    """Return the folder that the images' folders are in, relative to the root, and their names.

    That is `CBIS-DDSM`, or the root where they lie directly in it; without any image there are no names.
    """
    place = Path(COLLECTION) if (root / COLLECTION).is_dir() else Path()
    with os.scandir(root / place) as entries:
        names = {entry.name for entry in entries if entry.name.startswith(_PREFIXES)}
    return (place, names) if names else (Path(COLLECTION), names)


def dicom_files(folder: Path) -> list[Path]:
    """Return the DICOM files of a folder and of those in it, by name; hidden files are none."""
    return sorted(file for file in folder.rglob("*.dcm") if not file.name.startswith("."))


def is_abnormality(folder: Path) -> bool:
    """Return whether a folder's name is that of an abnormality: that of its image with a number."""
    return _ABNORMALITY.fullmatch(folder.name) is not None


def whole_image(folder: Path) -> Path:
    """Return the one file of an image's folder.

    Raises:
        ImageError: There is none, or several.
    """
    return _files(folder, 1, "one DICOM file, the whole image")[0]


def crop_and_mask(folder: Path) -> tuple[Path, Path]:
    """Return the crop and the mask of an abnormality's folder.

    Their names do not tell which is which. The mask is the larger one in both directions; where the headers'
    sizes do not tell, the one whose pixels have two values.

    Raises:
        ImageError: There are not two files, one cannot be read, or neither or both could be the mask.
    """
    first, second = _files(folder, 2, "two DICOM files, a crop and its mask")
    (height, width), (other_height, other_width) = header_size(first), header_size(second)
    if height < other_height and width < other_width:
        return first, second
    if height > other_height and width > other_width:
        return second, first
    is_mask, other_is_mask = _has_two_values(first), _has_two_values(second)
    if is_mask == other_is_mask:
        found = "two" if is_mask else "none"
        raise ImageError(
            folder, f"expected a crop and a mask (of two grey values), found {found} of the latter"
        )
    return (second, first) if is_mask else (first, second)


def _files(folder: Path, count: int, expected: str) -> list[Path]:
    files = dicom_files(folder)
    if len(files) != count:
        raise ImageError(folder, f"expected {expected}, found {len(files)}; download this folder anew")
    return files


def _has_two_values(file: Path) -> bool:
    pixels = read_image(file, display=Display(window="none")).pixels
    return bool(((pixels == pixels.min()) | (pixels == pixels.max())).all())
