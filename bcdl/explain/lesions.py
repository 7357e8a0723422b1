"""Where the lesions of a class lie on the images of a sample, as a data set's findings say."""

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data import ExamDataModule
from bcdl.data.outlines import Outline, finding_areas, outlines
from bcdl.data.readers.reader import Reader
from bcdl.data.store import ImageStore

Mask = NDArray[np.bool_]
T = TypeVar("T")
Located = Callable[[Reader | None, ImageStore, int, pd.DataFrame], list[T]]


class Lesions:
    """The findings of one class that have a mask or a box.

    A finding is of the class that its own label says; one without a label is of its image's class.

    Args:
        data: Prepared data.
        target: The class.
    """

    def __init__(self, data: ExamDataModule, target: int) -> None:
        self.data, self.target = data, target

    @cached_property
    def _findings(self) -> dict[str, pd.DataFrame]:
        """The findings of the class by image."""
        images = self.data.table.images.set_index("image_id")["label"]
        findings = self.data.table.findings
        masked = findings["mask_path"].notna() & (self.data.source.masks is not None)
        located = masked | findings["x0"].notna()
        label = findings["label"].fillna(findings["image_id"].map(images))
        chosen = findings[located & (label == self.target).fillna(value=False)]
        return {str(name): rows for name, rows in chosen.groupby("image_id")}

    @property
    def known(self) -> bool:
        """Whether the data set says where any lesion of the class lies."""
        return bool(self._findings)

    def shown(self, samples: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which rows (N,) of a sample table show a lesion that is located; decodes nothing."""
        image_ids = self.data.table.images["image_id"].to_numpy()
        rows = samples["rows"]
        return np.array([any(image_ids[row] in self._findings for row in each) for each in rows], bool)

    def kinds(self, image_id: str) -> str:
        """Return the kinds of an image's lesions, such as `calcifications+spiculated`."""
        return "+".join(sorted(set(self._findings[image_id]["kind"])))

    def masks(self, rows: list[int]) -> list[list[Mask]]:
        """Return the masks (H, W) of each lesion in each of a sample's slots.

        Args:
            rows: The sample's positions in the images table.
        """
        return self._in_slots(finding_areas, rows)

    def outlines(self, rows: list[int]) -> list[list[Outline]]:
        """Return the same as outlines (N, 2), x and y in pixels of the stored image."""
        return self._in_slots(outlines, rows)

    def _in_slots(self, located: Located[T], rows: list[int]) -> list[list[T]]:
        image_ids, none = self.data.table.images["image_id"], self.data.table.findings.iloc[:0]
        reader, store = self.data.source.masks, self.data.store
        found = [located(reader, store, row, self._findings.get(image_ids[row], none)) for row in rows]
        return found + [[] for _ in range(self.data.max_views - len(rows))]
