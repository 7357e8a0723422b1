"""EMBED: the open fifth of the Emory Breast Imaging Dataset, with pathology by breast and boxes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bcdl.data.readers.annotations import days_since_first, read_annotations, rows_of_known
from bcdl.data.readers.checked import checked_table
from bcdl.data.readers.code_rule import check_apart, checked_codes
from bcdl.data.readers.embed_breasts import BIRADS, BREAST, SEVERITIES, SIDES, breast_rows
from bcdl.data.readers.folder import FolderReader
from bcdl.data.readers.literals import parse_literals
from bcdl.data.schema import FINDING_COLUMNS, TEXT, VIEWS
from bcdl.data.table import ExamTable
from bcdl.errors import UserError

_CLINICAL, _METADATA = "EMBED_OpenData_clinical.csv", "EMBED_OpenData_metadata.csv"
_LAYOUT = f"{_CLINICAL} and {_METADATA} in tables/ (or in data.root), images/cohort_<n>/… beside it"
_CLINICAL_COLUMNS = ("acc_anon", "asses", "side", "path_severity", "tissueden")
_METADATA_COLUMNS = (
    *("empi_anon", "acc_anon", "anon_dicom_path", "FinalImageType", "ImageLateralityFinal"),
    *("ViewPosition", "spot_mag", "ROI_coords"),
)
_DENSITIES = {"1": "A", "2": "B", "3": "C", "4": "D"}
_MALE = "5"
_CODES = {
    "side": SIDES,
    "bside": SIDES,
    "asses": tuple(BIRADS),
    "path_severity": SEVERITIES,
    "tissueden": (*_DENSITIES, _MALE),
}


@dataclass(frozen=True)
class EMBED(FolderReader):
    """Screening and diagnostic mammograms of four hospitals, with pathology where a breast was biopsied.

    Source: https://github.com/Emory-HITI/EMBED_Open_Data, AWS Open Data.
    Licence: on request, for research without commercial use.
    Format: `EMBED_OpenData_clinical.csv`, one row a finding, and `EMBED_OpenData_metadata.csv`, one row a
        file, in `tables` or in `root`. Images lie at `images/` and what `anon_dicom_path` has from `cohort_`
        on.
    Counts: 480,323 images of 76,373 exams of 22,382 patients, 76 % of them 2D, as its description says.
    Classes: `benign_or_normal` (0), `malignant` (1, positive).
    Labels: by breast and exam: rows of the clinical table apply to the images of their exam and `side`; B or
        no side means both, and pathology goes to `bside` where the table has it. `path_severity` is 0
        invasive cancer, 1 non-invasive cancer, 2 high-risk, 3 borderline, 4 benign, 5 negative, 6 cancer
        of another organ. A breast with any code of `malignant` is malignant, else one with a code in neither
        list (6) is unlabelled, else it is benign. Without pathology, a breast with assessments N (negative)
        or B (benign) alone is benign if `negatives_by_assessment`; with A (additional evaluation), P
        (probably benign), S (suspicious), M (highly suggestive) or K (known cancer), or with no row, it is
        unlabelled.
    Findings: one row a box of `ROI_coords`, of kind `roi`, without a label; the source's order is y, x, y, x.
    Splits: none ("NA").
    Quirks: Pathology is entered by hand and may stand at the diagnostic exam alone: the screening exam
        before it is unlabelled then, or benign if it was assessed so. `birads` (N 1, B 2, P 3, A 0, S 4, M 5,
        K 6; the worst of the breast's rows) says nearly what the label says. Spot and magnification views are
        kept (`meta_spot_mag` is 1). Views that the exam table does not know become OTHER. Density 5 (male) is
        left empty. Dates are shifted by patient; they become days from the first exam.
    Unsure: that `asses` has no other codes; that images of 3D and C-view are named `3D` and `cview`.
    Paper: Jeong et al., The EMory BrEast imaging Dataset (EMBED), Radiology: Artificial Intelligence 5
        (2023).

    Args:
        malignant: Codes of `path_severity` that count as malignant.
        benign: Codes of `path_severity` that count as benign.
        negatives_by_assessment: Label breasts without pathology as benign where they were assessed so.
        image_types: Kinds of `FinalImageType` to take.
    """

    malignant: Sequence[str] = ("0", "1")
    benign: Sequence[str] = ("2", "3", "4", "5")
    negatives_by_assessment: bool = True
    image_types: Sequence[str] = ("2D",)
    name: str = field(default="embed", init=False)
    classes: tuple[str, ...] = field(default=("benign_or_normal", "malignant"), init=False)
    positive: str = field(default="malignant", init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("malignant", "benign"):
            object.__setattr__(self, key, checked_codes(f"data.{key}", getattr(self, key), SEVERITIES))
        check_apart(self.benign, self.malignant)
        object.__setattr__(self, "image_types", tuple(map(str, self.image_types)))

    def read(self) -> ExamTable:
        """Return one row an image and one finding a box.

        Raises:
            UserError: A table is missing or not in its documented form, or has no image of the types asked
                for.
        """
        file = self._file(_METADATA)
        rows = self._files(file)
        images = _images(rows).merge(self._breasts(), how="left", on=BREAST)
        images = images.drop(columns="acc_anon")
        table = ExamTable(images, self._findings(rows, file), self.classes, self.positive)
        return checked_table(table, str(file), self.on_bad_row)

    def _file(self, name: str) -> Path:
        return self.root / "tables" / name if (self.root / "tables").is_dir() else self.root / name

    def _files(self, file: Path) -> pd.DataFrame:
        """Return the rows of the metadata of the types asked for, with `image`, their name below images/."""
        rows = read_annotations(file, _METADATA_COLUMNS, _LAYOUT).astype(TEXT)
        found = rows["FinalImageType"].dropna().unique()
        rows = rows[rows["FinalImageType"].isin(self.image_types)]
        if rows.empty:
            raise UserError(
                f"{file}: expected images of FinalImageType {', '.join(self.image_types)}, found "
                f"{', '.join(found) or 'none'} alone; correct data.image_types"
            )
        rows = rows_of_known(rows, "ImageLateralityFinal", ("L", "R"), file, self.on_bad_row, empty=True)
        images = rows["anon_dicom_path"].str.replace(r"^.*(?=cohort_\d)", "", regex=True)
        return rows.assign(acc_anon=_whole(rows["acc_anon"]), image=images)

    def _breasts(self) -> pd.DataFrame:
        """Return one row a breast of an exam with what the clinical table says of it."""
        file = self._file(_CLINICAL)
        every = read_annotations(file, _CLINICAL_COLUMNS, _LAYOUT).astype(TEXT)
        every["acc_anon"] = _whole(every["acc_anon"])
        rows = every.assign(**{name: _whole(every[name]) for name in ("path_severity", "tissueden")})
        for column in (name for name in _CODES if name in rows):
            rows = rows_of_known(rows, column, _CODES[column], file, self.on_bad_row, empty=True)
        breasts = breast_rows(rows, self.benign, self.malignant, self.negatives_by_assessment)
        exams = rows.reindex(columns=["acc_anon", "tissueden", "age_at_study"]).groupby("acc_anon").first()
        left_out = every.loc[every.index.difference(rows.index), "acc_anon"]
        return breasts.assign(
            label=breasts["label"].mask(
                breasts["acc_anon"].isin(left_out)
            ),  # a row left out may be the worst
            density=breasts["acc_anon"].map(exams["tissueden"].map(_DENSITIES)),
            age=breasts["acc_anon"].map(exams["age_at_study"]),
        )

    def _findings(self, rows: pd.DataFrame, file: Path) -> pd.DataFrame:
        rows = rows[rows["ROI_coords"].notna() & ~rows["ROI_coords"].isin(["()", "[]"])]
        expected = "boxes such as ((ymin, xmin, ymax, xmax),)"
        rows = parse_literals(rows, "ROI_coords", _boxes, expected, file, self.on_bad_row)
        findings = [
            {
                "image_id": image,
                "finding_id": f"{image}#{number}",
                "kind": "roi",
                **dict(zip(("y0", "x0", "y1", "x1"), box, strict=True)),
            }
            for image, boxes in zip(rows["image"], rows["ROI_coords"], strict=True)
            for number, box in enumerate(boxes)
        ]
        return pd.DataFrame(findings, columns=list(FINDING_COLUMNS))


def _images(rows: pd.DataFrame) -> pd.DataFrame:
    views = rows["ViewPosition"]
    columns = {
        "patient_id": rows["empi_anon"],
        "exam_id": rows["acc_anon"],
        "acc_anon": rows["acc_anon"],
        "exam_day": _days(rows),
        "image_id": rows["image"],
        "laterality": rows["ImageLateralityFinal"],
        "view": views.where(views.isin(VIEWS) | views.isna(), "OTHER"),
        "path": "images/" + rows["image"],
        "machine": rows.get("ManufacturerModelName"),
        "meta_spot_mag": _whole(rows["spot_mag"]),
        "meta_image_type": rows["FinalImageType"],
    }
    return pd.DataFrame(columns)


def _days(rows: pd.DataFrame) -> pd.Series | None:
    """Return the day of every image's exam, which is that of its first image."""
    if "study_date_anon" not in rows:
        return None
    days = days_since_first(rows["empi_anon"], rows["study_date_anon"])
    return days.groupby(rows["acc_anon"]).transform("min")


def _whole(cells: pd.Series) -> pd.Series:
    """Return numbers as they are meant: 2.0, as columns with gaps are exported, is 2."""
    return cells.str.removesuffix(".0")


def _boxes(value: Any) -> list[tuple[float, ...]]:  # noqa: ANN401 (whatever the cell spells)
    boxes = value if not value or isinstance(value[0], (list, tuple)) else [value]
    edges = [tuple(map(float, box)) for box in boxes]
    if any(len(box) != 4 for box in edges):
        raise ValueError(value)
    return edges
