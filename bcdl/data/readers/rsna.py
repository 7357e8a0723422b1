"""RSNA Screening Mammography 2022: 54,706 images of the Kaggle challenge, cancer or not by breast."""

from dataclasses import dataclass, field

import pandas as pd

from bcdl.data.readers.annotations import read_annotations, rows_of_known
from bcdl.data.readers.checked import checked_table
from bcdl.data.readers.folder import FolderReader
from bcdl.data.schema import TEXT
from bcdl.data.table import ExamTable, complete_findings

_LAYOUT = "train.csv beside train_images/<patient_id>/<image_id>.dcm"
_OUTCOMES = ("biopsy", "invasive", "difficult_negative_case")
_CODES = {
    "laterality": ("L", "R"),
    "view": ("CC", "MLO", "AT", "LM", "ML", "LMO"),
    "cancer": ("0", "1"),
}
_COLUMNS = (
    *("site_id", "patient_id", "image_id", *_CODES),
    *("age", "BIRADS", "implant", "density", "machine_id", *_OUTCOMES),
)


@dataclass(frozen=True)
class RSNA(FolderReader):
    """Screening mammograms of two sites with the breast's cancer status.

    Source: https://www.kaggle.com/competitions/rsna-breast-cancer-detection.
    Licence: the competition's rules.
    Format: `train.csv`, one row an image; images `train_images/<patient_id>/<image_id>.dcm`. Many are JPEG
        2000 or lossless JPEG, which need the codecs of `bcdl[dicom]`. `test.csv` has no labels and is not
        read.
    Counts: 54,706 images of 11,913 patients; 1,158 images (2.12 %) and 492 of 23,826 breasts with cancer.
    Classes: `benign_or_normal` (0), `malignant` (1, positive).
    Labels: `cancer`, given by breast: every view of a breast with cancer is positive, also one that hides it.
    Findings: none.
    Splits: none ("NA").
    Quirks: `birads` gives the label away (0 or missing where there is cancer), and so do `biopsy`, `invasive`
        and `difficult_negative_case`: they are for a look at results, never for a model. Density is missing
        for site 2. Every patient has one exam; repeated views are common. Bad images are known (all zeros,
        values beyond BitsStored, 8 bit with another window): the quality gate is to leave them out. Dates and
        pixel spacing are not in the table.
    Paper: Carr et al., RSNA Screening Mammography Breast Cancer Detection (2022), Kaggle.

    Args:
        outcome_columns: Carry `biopsy`, `invasive` and `difficult_negative_case` as `meta_*`.
    """

    outcome_columns: bool = False
    name: str = field(default="rsna", init=False)
    classes: tuple[str, ...] = field(default=("benign_or_normal", "malignant"), init=False)
    positive: str = field(default="malignant", init=False)

    def read(self) -> ExamTable:
        """Return one row an image; there are no findings.

        Raises:
            UserError: `train.csv` is missing or not in its documented form.
        """
        file = self.root / "train.csv"
        rows = read_annotations(file, _COLUMNS, _LAYOUT).astype(TEXT)
        for column, codes in _CODES.items():
            rows = rows_of_known(rows, column, codes, file, self.on_bad_row)
        table = ExamTable(self._images(rows), complete_findings(None), self.classes, self.positive)
        return checked_table(table, str(file), self.on_bad_row)

    def _images(self, rows: pd.DataFrame) -> pd.DataFrame:
        images = pd.DataFrame(
            {
                "patient_id": rows["patient_id"],
                "exam_id": rows["patient_id"],
                "image_id": rows["image_id"],
                "laterality": rows["laterality"],
                "view": rows["view"],
                "path": "train_images/" + rows["patient_id"] + "/" + rows["image_id"] + ".dcm",
                "label": rows["cancer"],
                "birads": rows["BIRADS"].str.removesuffix(".0"),
                "density": rows["density"],
                "age": rows["age"],
                "machine": rows["machine_id"],
                "site": rows["site_id"],
                "meta_implant": rows["implant"],
            }
        )
        outcomes = {f"meta_{name}": rows[name] for name in _OUTCOMES if self.outcome_columns}
        return images.assign(**outcomes)
