"""What every data set's reader offers. One file a data set; nothing above knows which one it is.

How to add a data set:

1. Write `bcdl/data/readers/my_set.py`: a frozen dataclass with the members below. Its docstring is the fact
   sheet: source, licence, format, counts, classes, splits, quirks, paper. Its arguments are checked in
   `__post_init__` (do the folder and the annotation file exist?); nothing is read there.
2. `read()` turns the annotation files into an `ExamTable` by `complete_images` and `complete_findings`. Every
   cell is checked afterwards; a reader of files that people edit checks them itself (`readers.checked`), to
   name the file. Columns of the source that the schema does not know are carried as `meta_*`. An image
   without a file keeps its row: that is for the quality gate, which every image passes.
3. `load()` decodes one image, with `bcdl.imaging` where it can: training and inference then decode alike.
   `bcdl.data.readers.folder.FolderReader` does so for files below one folder.
4. Export the class in `bcdl/data/readers/__init__.py` and write `conf/data/my_set.yaml`.
5. Test it on tables generated in the source's own form, quirks included.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bcdl.data.table import ExamTable
from bcdl.imaging import AS_IT_IS, Display, Picture


class Reader(Protocol):
    """A data set on disk, as tables and as pixels; cheap to make and picklable: `load` runs in workers."""

    @property
    def name(self) -> str:
        """Short and without spaces; names the image store and the runs."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names by label; of more than two, in order of rising severity."""

    @property
    def positive(self) -> str:
        """The class that counts as positive (malignant, whatever the source's coding)."""

    def read(self) -> ExamTable:
        """Return the tables, complete; decodes no pixel.

        Raises:
            UserError: The source is missing, damaged or not in its documented form.
        """

    def load(self, path: str, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
        """Decode one image.

        Args:
            path: A `path` of the images table.
            frame: The `frame` beside it.
            display: How a file's stored values become display values, where it leaves a choice.

        Raises:
            ImageError: The image is missing or cannot be decoded; `data.on_bad_image` decides what follows.
        """

    def load_mask(self, mask_path: str) -> NDArray[np.bool_]:
        """Decode one outline of the findings table, (H, W), True inside; its size may not be the image's.

        Raises:
            UserError: The mask is missing or cannot be decoded, or the data set has none.
        """

    def state(self, path: str) -> str:
        """Return a text that changes whenever the source of this one image does; it is decoded anew then."""

    def unlisted(self, table: ExamTable) -> list[str]:
        """Return the image files that no row of the tables names.

        Args:
            table: What `read` gave.
        """

    def fingerprint(self) -> str:
        """Return a text that tells sources of equal paths apart; image stores are keyed by it."""
