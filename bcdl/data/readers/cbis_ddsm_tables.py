"""The four tables of CBIS-DDSM as one table of abnormalities, in the words of the exam table."""

from pathlib import Path

import pandas as pd

from bcdl.data.readers.annotations import read_annotations, require_columns, rows_of_known
from bcdl.data.readers.cbis_ddsm_files import COLLECTION, image_folders
from bcdl.data.readers.repeats import rows_once

NO_CALLBACK = "BENIGN_WITHOUT_CALLBACK"
_TABLES = {  # of an image that stands in two, the first counts
    "mass_case_description_test_set.csv": ("test", "Mass-Test"),
    "calc_case_description_test_set.csv": ("test", "Calc-Test"),
    "mass_case_description_train_set.csv": ("train", "Mass-Training"),
    "calc_case_description_train_set.csv": ("train", "Calc-Training"),
}
_LAYOUT = f"{', '.join(_TABLES)} beside {COLLECTION}/Mass-Training_P_00001_LEFT_CC/…/1-1.dcm"
_SIDES = {"LEFT": "L", "RIGHT": "R"}
_DENSITIES = {"1": "A", "2": "B", "3": "C", "4": "D"}
_MALIGNANT = "MALIGNANT"
_CODES = {
    "left or right breast": tuple(_SIDES),
    "image view": ("CC", "MLO"),
    "abnormality type": ("mass", "calcification"),
    "pathology": ("BENIGN", NO_CALLBACK, _MALIGNANT),
    "breast density": ("0", *_DENSITIES),
    "assessment": tuple("012345"),
    "subtlety": tuple("012345"),
}
_COLUMNS = ("patient_id", "abnormality id", *(name for name in _CODES if name != "breast density"))


def abnormalities(root: Path, on_bad_row: str) -> pd.DataFrame:
    """Return one row an abnormality, those of test tables and of masses first.

    Args:
        root: The data set's folder.
        on_bad_row: `error`, or `skip` to leave rows with unknown codes, and repeated ones, out.

    Returns:
        Columns of the exam table and of findings, `pathology`, `subtlety` (1 to 5), `image_path` and
        `finding_path` (folders, relative to the root), and `missing`: whether the former is not on disk. An
        image with rows in both splits is a test image.

    Raises:
        UserError: A table is missing or lacks a column, or a row is wrong and not to be skipped.
    """
    place, present = image_folders(root)
    tables = [_table(root / name, place, present, on_bad_row) for name in _TABLES]
    rows = rows_once(pd.concat(tables, ignore_index=True), "finding_id", root, on_bad_row)
    return rows.assign(split=rows.groupby("image_id", dropna=False)["split"].transform("first"))


def _table(file: Path, place: Path, present: set[str], on_bad_row: str) -> pd.DataFrame:
    frame = read_annotations(file, _COLUMNS, _LAYOUT).rename(columns={"breast_density": "breast density"})
    require_columns(frame, ["breast density"], file)
    for column, codes in _CODES.items():
        frame = rows_of_known(frame, column, codes, file, on_bad_row)
    rows = _coded(frame)
    split, prefix = _TABLES[file.name]
    folder = (place / prefix).as_posix() + "_"
    return rows.assign(
        split=split,
        image_path=folder + rows["image_id"],
        finding_path=folder + rows["finding_id"],
        missing=~(prefix + "_" + rows["image_id"]).isin(present),
    )


def _coded(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a table in the words of the exam table."""
    image = frame["patient_id"] + "_" + frame["left or right breast"] + "_" + frame["image view"]
    subtlety = frame["subtlety"].astype("Int64")
    columns = {
        "patient_id": frame["patient_id"],
        "image_id": image,
        "finding_id": image + "_" + frame["abnormality id"],
        "laterality": frame["left or right breast"].map(_SIDES),
        "view": frame["image view"],
        "kind": frame["abnormality type"],
        "pathology": frame["pathology"],
        "label": (frame["pathology"] == _MALIGNANT).astype("int64"),
        "birads": frame["assessment"].astype("int64"),
        "density": frame["breast density"].map(_DENSITIES),
        "subtlety": subtlety.mask(subtlety == 0),
    }
    return pd.DataFrame(columns)
