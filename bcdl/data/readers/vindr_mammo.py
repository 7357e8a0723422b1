"""VinDr-Mammo: 5,000 screening and diagnostic exams from Hanoi, by BI-RADS, with boxes."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bcdl.data.readers.annotations import read_annotations, rows_of_known
from bcdl.data.readers.checked import checked_table
from bcdl.data.readers.folder import FolderReader
from bcdl.data.readers.literals import parse_literals
from bcdl.data.schema import TEXT
from bcdl.data.table import ExamTable
from bcdl.errors import UserError

_LAYOUT = "breast-level_annotations.csv and finding_annotations.csv beside images/<study_id>/<image_id>.dicom"
_BIRADS = tuple(f"BI-RADS {number}" for number in range(1, 6))
_DENSITIES = tuple(f"DENSITY {letter}" for letter in "ABCD")
_SPLITS = {"training": "train", "test": "test"}
_BREAST_COLUMNS = (
    *("study_id", "image_id", "laterality", "view_position", "breast_birads", "breast_density", "split"),
)
_BOX = ("xmin", "ymin", "xmax", "ymax")
_FINDING_COLUMNS = ("image_id", "height", "width", "finding_categories", "finding_birads", *_BOX)


@dataclass(frozen=True)
class VinDrMammo(FolderReader):
    """Full-field digital mammograms with BI-RADS of every breast and boxes of the findings.

    Source: https://physionet.org/content/vindr-mammo/1.0.0/.
    Licence: PhysioNet's restricted health data licence, after registration.
    Format: `breast-level_annotations.csv`, one row an image; `finding_annotations.csv`, one row a finding or
        an image without one; images `images/<study_id>/<image_id>.dicom`.
    Counts: 20,000 images of 5,000 exams (4,000 training, 1,000 test), four views each; 20,486 finding rows,
        18,232 of them without a box.
    Classes: `benign_or_normal` (0), `malignant` (1, positive).
    Labels: there is no pathology. `malignant` means that the radiologists gave the breast a BI-RADS of
        `malignant_from` or more, `benign_or_normal` that they gave less. `birads` is therefore the label in
        other words.
    Findings: one row a box. The kind joins its categories, in lower case, such as
        `mass, suspicious calcification`; the label is the finding's own BI-RADS against `malignant_from`.
        Rows without a box (no finding, or one of the whole breast) are no findings.
    Splits: the source's own: train and test.
    Quirks: 42 boxes leave their image and are cut off at its edge. No patient ids are published: every exam
        counts as a patient of its own. Pixel spacing and dates are not in these files.
    Paper: Nguyen et al., VinDr-Mammo: A large-scale benchmark dataset for computer-aided diagnosis in
        full-field digital mammography, Scientific Data 10 (2023).

    Args:
        malignant_from: The lowest BI-RADS that counts as malignant: 4 or 5.
    """

    malignant_from: int = 4
    name: str = field(default="vindr_mammo", init=False)
    classes: tuple[str, ...] = field(default=("benign_or_normal", "malignant"), init=False)
    positive: str = field(default="malignant", init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.malignant_from not in (4, 5):
            raise UserError(f"expected data.malignant_from of 4 or 5, found {self.malignant_from}")

    def read(self) -> ExamTable:
        """Return one row an image and one finding a box.

        Raises:
            UserError: An annotation file is missing or not in its documented form.
        """
        file = self.root / "breast-level_annotations.csv"
        table = ExamTable(self._images(file), self._findings(), self.classes, self.positive)
        return checked_table(table, str(file), self.on_bad_row)

    def _images(self, file: Path) -> pd.DataFrame:
        rows = read_annotations(file, _BREAST_COLUMNS, _LAYOUT).astype(TEXT)
        rows = self._known(rows, "laterality", ("L", "R"), file)
        rows = self._known(rows, "view_position", ("CC", "MLO"), file)
        rows = self._known(rows, "breast_birads", _BIRADS, file)
        rows = self._known(rows, "breast_density", _DENSITIES, file)
        rows = self._known(rows, "split", tuple(_SPLITS), file)
        return pd.DataFrame(
            {
                "patient_id": rows["study_id"],
                "exam_id": rows["study_id"],
                "image_id": rows["image_id"],
                "laterality": rows["laterality"],
                "view": rows["view_position"],
                "path": "images/" + rows["study_id"] + "/" + rows["image_id"] + ".dicom",
                "label": self._labels(rows["breast_birads"]),
                "birads": rows["breast_birads"].str[-1],
                "density": rows["breast_density"].str[-1],
                "split": rows["split"].map(_SPLITS),
            }
        )

    def _findings(self) -> pd.DataFrame:
        file = self.root / "finding_annotations.csv"
        rows = read_annotations(file, _FINDING_COLUMNS, _LAYOUT).astype(TEXT).dropna(subset=list(_BOX))
        rows = rows_of_known(rows, "finding_birads", _BIRADS, file, self.on_bad_row, empty=True)
        expected = "a list of categories such as ['Mass']"
        rows = parse_literals(rows, "finding_categories", _kind, expected, file, self.on_bad_row)
        return pd.DataFrame(
            {
                "image_id": rows["image_id"],
                "finding_id": rows["image_id"] + "#" + rows.groupby("image_id").cumcount().astype(str),
                "kind": rows["finding_categories"],
                "label": self._labels(rows["finding_birads"]),
                "x0": _inside(rows["xmin"], rows["width"]),
                "y0": _inside(rows["ymin"], rows["height"]),
                "x1": _inside(rows["xmax"], rows["width"]),
                "y1": _inside(rows["ymax"], rows["height"]),
            }
        )

    def _known(self, rows: pd.DataFrame, column: str, codes: tuple[str, ...], file: Path) -> pd.DataFrame:
        return rows_of_known(rows, column, codes, file, self.on_bad_row)

    def _labels(self, birads: pd.Series) -> pd.Series:
        number = pd.to_numeric(birads.str[-1])
        return (number >= self.malignant_from).astype("Int64").mask(number.isna())


def _kind(categories: list[str]) -> str:
    if not isinstance(categories, list) or not categories:
        raise ValueError(categories)
    return ", ".join(categories).lower()


def _inside(edges: pd.Series, size: pd.Series) -> pd.Series:
    """Return a box's edges cut off at the image's; what is no number stays, to be refused."""
    numbers = pd.to_numeric(edges, errors="coerce")
    cut = numbers.clip(0, pd.to_numeric(size, errors="coerce"))
    return cut.astype(object).mask(numbers.isna(), edges)
