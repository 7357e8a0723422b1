"""What every data set's reader offers. One file a data set; nothing above knows which one it is.

How to add a data set:

1. Write `bcdl/data/readers/my_set.py`: a frozen dataclass with the members below. Its docstring is the fact
   sheet: source, licence, format, counts, classes, splits, quirks, paper. Its arguments are checked in
   `__post_init__` (do the folder and the annotation file exist?); nothing is read there.
2. `read()` turns the annotation files into an `ExamTable`: `complete_images`, `complete_findings`, then
   `validate_table`. Columns of the source that the schema does not know are carried as `meta_*`.
3. `load()` decodes one image, with `bcdl.imaging` where it can: training and inference then decode alike.
4. Export the class in `bcdl/data/readers/__init__.py` and write `conf/data/my_set.yaml`.
5. Test it on tables generated in the source's own form, quirks included.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bcdl.data.table import ExamTable
from bcdl.imaging import Pixels


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
        """Return the validated tables; decodes no pixel.

        Raises:
            UserError: The source is missing, damaged or not in its documented form.
        """

    def load(self, path: str, frame: int = 0) -> Pixels:
        """Decode one image, (H, W) or (H, W, 3) RGB, uint8 or uint16.

        Args:
            path: A `path` of the images table.
            frame: The `frame` beside it.

        Raises:
            UserError: The image is missing or cannot be decoded; `data.on_bad_row` decides what follows.
        """

    def load_mask(self, mask_path: str) -> NDArray[np.bool_]:
        """Decode one outline of the findings table, (H, W), True inside.

        Raises:
            UserError: The mask is missing or cannot be decoded, or the data set has none.
        """

    def fingerprint(self) -> str:
        """Return a text that changes whenever the pixels' source does; the image store is keyed by it."""
