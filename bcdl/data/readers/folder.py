"""What readers of folders of image files share: decoding, masks, what tells that a file has changed."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdl.data.samples import check_choice
from bcdl.data.table import ExamTable
from bcdl.errors import NoDataError
from bcdl.imaging import AS_IT_IS, Display, ImageError, Picture, read_image
from bcdl.imaging.raster import FORMATS

ON_BAD_ROW = ("error", "skip")


@dataclass(frozen=True)
class FolderReader:
    """The pixels of a data set whose tables name files below one folder; a reader adds `read`.

    Args:
        root: The data set's folder.
        on_bad_row: `error`, or `skip` for annotations that are wrong.

    Raises:
        UserError: There is no such folder, or another policy.
    """

    root: Path
    on_bad_row: str = "error"

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))  # a string, when it comes from YAML
        check_choice("data.on_bad_row", self.on_bad_row, ON_BAD_ROW)
        if not self.root.is_dir():
            raise NoDataError(f"expected the data set's folder, found none at {self.root}; correct data.root")

    def load(self, path: str, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
        """Decode an image.

        Args:
            path: A `path` of the images table, relative to the root.
            frame: The page of a TIFF or the frame of a DICOM file.
            display: How a DICOM file's stored values become display values.

        Raises:
            ImageError: It is missing, outside the root, or cannot be decoded.
        """
        return read_image(self.file(path), frame, display)

    def load_mask(self, mask_path: str) -> NDArray[np.bool_]:
        """Decode a mask (H, W): True where the image is not 0.

        Raises:
            ImageError: It is missing, outside the root, or cannot be decoded.
        """
        mask = self.load(mask_path, display=Display(window="none")).pixels.astype(np.bool_)
        return np.logical_or.reduce(mask, axis=2) if mask.ndim == 3 else mask

    def file(self, path: str) -> Path:
        """Return the file that a path of the tables names.

        Raises:
            ImageError: The path leaves the root.
        """
        file = self.root / path
        if not Path(os.path.normpath(file)).is_relative_to(os.path.normpath(self.root)):
            raise ImageError(
                file, "expected a path below data.root, found one that leaves it; widen data.root"
            )
        return file

    def state(self, path: str) -> str:
        """Return a text that changes whenever the file of an image does: its size and time of change."""
        try:
            status = self.file(path).stat()
        except (OSError, ImageError):
            return "missing"
        return f"{status.st_size} {status.st_mtime_ns}"

    def unlisted(self, table: ExamTable) -> list[str]:
        """Return the image files beside the annotated ones that the tables do not name, relative to the root.

        Args:
            table: What `read` gave.
        """
        return unlisted_files(self.root, table)

    def fingerprint(self) -> str:
        """Return a hash of the folder's place."""
        return hashlib.sha256(str(self.root.resolve()).encode()).hexdigest()


def unlisted_files(root: Path, table: ExamTable) -> list[str]:
    """Return the image files that no row names, by themselves or by a folder they are in, relative to `root`.

    Looked for below the deepest folder that holds all files that rows name.

    Args:
        root: Folder that the paths of the tables are relative to.
        table: The tables.
    """
    masks = (str(path).partition("#")[0] for path in table.findings["mask_path"].dropna())
    named = {os.path.normpath(path) for path in (*table.images["path"].dropna(), *masks)}
    folder = root / os.path.commonpath([os.path.dirname(path) or "." for path in named])  # noqa: PTH120 (a Path for every row is slow)
    found = (Path(place, file) for place, _, files in os.walk(folder) for file in files)
    images = (path.relative_to(root) for path in found if path.suffix.lower() in FORMATS)
    return sorted(str(path) for path in images if named.isdisjoint(map(str, (path, *path.parents[:-1]))))
