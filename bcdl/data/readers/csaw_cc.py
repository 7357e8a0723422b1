"""CSAW-CC: screening exams of Stockholm, all first breast cancers of one centre and a sample of controls."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from bcdl.data.readers.annotations import read_annotations, rows_in_range, rows_of_known
from bcdl.data.readers.checked import checked_table
from bcdl.data.readers.code_rule import checked_codes
from bcdl.data.readers.folder import FolderReader
from bcdl.data.schema import TEXT
from bcdl.data.table import ExamTable, complete_findings
from bcdl.errors import UserError

_FILE = "CSAW-CC_breast_cancer_screening_data.csv"
_LAYOUT = f"{_FILE} beside the images <anon_filename>, or beside the folder data.images of them"
_SIDES = {"Left": "L", "Right": "R"}
_TIMINGS = ("1", "2", "3")
_COLUMNS = (
    *("anon_patientid", "exam_year", "x_case", "x_cancer_laterality", "rad_timing", "imagelaterality"),
    *("viewposition", "libra_percentdensity", "anon_filename"),
)
_DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class CSAWCC(FolderReader):
    """Screening mammograms, case and control, labelled by whether and when a cancer was found.

    Source: Cohort of Screen-Aged Women, case-control subset, https://doi.org/10.5878/45vm-t798.
    Licence: on request.
    Format: `CSAW-CC_breast_cancer_screening_data.csv`, one row an image; images `<anon_filename>`, such as
        `00002_20990909_L_CC_1.dcm` (the date in it is the same for all).
    Counts: 98,788 images of 8,723 patients, 873 of them cases.
    Classes: `benign_or_normal` (0), `malignant` (1, positive).
    Labels: controls (`x_case` 0) are negative. Of a case, an exam whose `rad_timing` is in `positive_timing`
        is positive for the breast of `x_cancer_laterality` and negative for the other one; her other exams
        are unlabelled. `rad_timing` counts from the exam to the diagnosis: 1 found by screening (within 60
        days), 2 an interval cancer (60 to 729 days), 3 an earlier exam (730 days or more).
    Findings: none.
    Splits: none ("NA").
    Quirks: A cancer of timing 2 was not seen at the exam and may not be visible on it. One in ten patients is
        a case, many more than in screening: predictive values do not carry over. Exams are known by year:
        `exam_day` counts 365.25 days a year. A few exams hold every view twice. Ages are two bands and are
        not taken over. `meta_libra_percentdensity` is measured by software, no BI-RADS density.
    Unsure: the meaning of `rad_timing` and the file's name are those of public code that reads the set, and
        where its archives unpack the images was not seen.
    Paper: Dembrower et al., A multi-million mammography image dataset and population-based screening cohort
        for the training and evaluation of deep neural networks, Journal of Digital Imaging 33 (2020).

    Args:
        positive_timing: The `rad_timing` of exams that count as showing the cancer.
        images: The folder of the images, below `root`; empty is `root` itself.
    """

    positive_timing: Sequence[str] = ("1", "2")
    images: str = ""
    name: str = field(default="csaw_cc", init=False)
    classes: tuple[str, ...] = field(default=("benign_or_normal", "malignant"), init=False)
    positive: str = field(default="malignant", init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        timing = checked_codes("data.positive_timing", self.positive_timing, _TIMINGS)
        if not timing:
            raise UserError(f"expected data.positive_timing to hold one or more of {', '.join(_TIMINGS)}")
        object.__setattr__(self, "positive_timing", timing)

    def read(self) -> ExamTable:
        """Return one row an image; there are no findings.

        Raises:
            UserError: The table is missing or not in its documented form.
        """
        file = self.root / _FILE
        rows = read_annotations(file, _COLUMNS, _LAYOUT).astype(TEXT)
        numbers = ("anon_patientid", "exam_year", "x_case", "rad_timing")  # 2.0 where a column has gaps
        rows = rows.assign(**{name: rows[name].str.removesuffix(".0") for name in numbers})
        rows = rows_of_known(rows, "x_case", ("0", "1"), file, self.on_bad_row)
        rows = rows_of_known(rows, "x_cancer_laterality", tuple(_SIDES), file, self.on_bad_row, empty=True)
        rows = rows_of_known(rows, "rad_timing", _TIMINGS, file, self.on_bad_row, empty=True)
        rows = rows_of_known(rows, "imagelaterality", tuple(_SIDES), file, self.on_bad_row)
        rows = rows_of_known(rows, "viewposition", ("CC", "MLO"), file, self.on_bad_row)
        rows = rows_in_range(rows, "exam_year", 1900, 2100, file, self.on_bad_row)
        table = ExamTable(self._images(rows), complete_findings(None), self.classes, self.positive)
        return checked_table(table, str(file), self.on_bad_row)

    def _images(self, rows: pd.DataFrame) -> pd.DataFrame:
        patients, years = rows["anon_patientid"], pd.to_numeric(rows["exam_year"]).astype("Int64")
        since_first = years - years.groupby(patients).transform("min")
        return pd.DataFrame(
            {
                "patient_id": patients,
                "exam_id": patients + "/" + since_first.astype(TEXT),
                "exam_day": since_first * _DAYS_A_YEAR,
                "image_id": rows["anon_filename"],
                "laterality": rows["imagelaterality"].map(_SIDES),
                "view": rows["viewposition"],
                "path": (f"{self.images}/" if self.images else "") + rows["anon_filename"],
                "label": self._labels(rows),
                "meta_libra_percentdensity": pd.to_numeric(rows["libra_percentdensity"], errors="coerce"),
            }
        )

    def _labels(self, rows: pd.DataFrame) -> pd.Series:
        """Return 0 for controls, and for cases the status of the breast where the exam counts."""
        control = rows["x_case"] == "0"
        known = rows["rad_timing"].isin(self.positive_timing) & rows["x_cancer_laterality"].notna()
        cancer = known & (rows["imagelaterality"] == rows["x_cancer_laterality"]) & ~control
        return cancer.astype("Int64").where(control | known)
