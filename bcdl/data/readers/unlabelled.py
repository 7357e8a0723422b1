"""A manifest of images without labels, to be predicted: who and which view, where that is known."""

from dataclasses import dataclass, field

import pandas as pd

from bcdl.data.readers.manifest import Manifest
from bcdl.data.readers.sheet import read_sheet
from bcdl.data.schema import IMAGE_COLUMNS
from bcdl.errors import UserError

_KNOWN_LATER = ["label", "birads", "density", "split"]  # what nobody knows of a new image, or must not count


@dataclass(frozen=True)
class Unlabelled(Manifest):
    """A manifest as `Manifest` reads it, in which `path` alone is required.

    Labels, BI-RADS, density and split are left out where they are given: nothing of them is predicted from.

    Args:
        whole_patients: Whether samples join images, so that a column `patient_id` is required; otherwise
            each image of a manifest without one counts as a patient of its own.

    Raises:
        UserError: A file or folder is missing.
    """

    whole_patients: bool = False
    name: str = field(default="manifest", init=False)

    def sheet(self) -> pd.DataFrame:
        """Return the rows of the file as they are written, without what nobody knows of a new image."""
        images = read_sheet(self.path, (*IMAGE_COLUMNS, "exam_date"), ("path",))
        images = images.drop(columns=_KNOWN_LATER, errors="ignore")
        if "patient_id" in images:
            return images
        if self.whole_patients:
            raise UserError(
                f"{self.path}: expected a column 'patient_id', found none: the run's samples join images of "
                "one breast, exam or patient. Add it, and exam_id (or exam_date), laterality and view"
            )
        return images.assign(patient_id=images["path"])
