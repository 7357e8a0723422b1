"""Anyone's predictions: a CSV or Parquet file, checked and brought into the form of a predictions table."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bcdl.errors import UserError, nearest
from bcdl.evaluation.levels import probability_columns
from bcdl.evaluation.predictions import DISAGREEMENT, MUTUAL_INFORMATION

FORMATS = (".csv", ".parquet")
COLUMNS = ("sample_id", "patient_id", "exam_id", "laterality", "split", "label", "probability")
SPLITS = ("train", "val", "test")
NO_PATIENTS = (
    "There are no patient ids: every sample counts as a patient of its own; where it is not, intervals are "
    "too narrow."
)
NO_SPLIT = (
    "There is no column split: all samples are judged, the threshold is 0.5, and nothing is calibrated."
)
NO_VALIDATION = "No row has the split val: thresholds are 0.5, and nothing is calibrated."
UNLABELLED = "{} samples without a label are left out."
OVERLAP = "{} patients stand in several splits: what is fitted on some of their samples is judged on others."


@dataclass(frozen=True)
class Given:
    """Predictions from a file.

    Attributes:
        table: a predictions table; columns beyond it are those of subgroups.
        subgroups: their names.
        has_patients: whether the file said which samples are one patient's.
        notes: what a reader of the results must know.
    """

    table: pd.DataFrame
    subgroups: tuple[str, ...]
    has_patients: bool
    notes: tuple[str, ...]


def read_given(path: Path, names: Mapping[str, str]) -> Given:
    """Read predictions.

    Args:
        path: a `.csv` or `.parquet` file, one row a sample: `label` (0 or 1, a whole number from 0 for
            several classes, empty where unknown) and `probability` of class 1 (or `probability_0, …`), best
            also `sample_id`, `patient_id`, `split` (val, test); other columns are subgroups.
        names: what columns of `COLUMNS` are called in the file, where it is otherwise.

    Raises:
        UserError: the file cannot be read, lacks a column or holds a value that cannot be; which, where, what
            to do.
    """
    raw = _read(path)
    raw = raw.rename(columns=_renamed(raw, names, path))
    _require_columns(raw, path)
    shares = probability_columns(raw)
    known = _labels(raw, path)
    table = _completed(raw, known, shares, path)[known.notna().to_numpy()].reset_index(drop=True)
    _require_samples(table, path)
    own = {*COLUMNS, "fold", DISAGREEMENT, MUTUAL_INFORMATION, *shares}
    others = tuple(name for name in map(str, table) if name not in own and name.split("_")[0] != "logit")
    return Given(table, others, "patient_id" in raw, tuple(_notes(raw, table)))


def _notes(raw: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    notes = []
    if "patient_id" not in raw:
        notes.append(NO_PATIENTS)
    if "split" not in raw:
        notes.append(NO_SPLIT)
    elif not (table["split"] == "val").any():
        notes.append(NO_VALIDATION)
    if len(table) < len(raw):
        notes.append(UNLABELLED.format(len(raw) - len(table)))
    splits = table.groupby("patient_id")["split"].nunique()
    if (splits > 1).any():
        notes.append(OVERLAP.format(int((splits > 1).sum())))
    return notes


def _read(path: Path) -> pd.DataFrame:
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"expected predictions as {' or '.join(FORMATS)}, found '{path}'")
    if not path.is_file():
        raise UserError(f"expected a table of predictions, found no file '{path}'")
    try:
        table = pd.read_parquet(path) if path.suffix.lower() == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise UserError(f"expected a table of predictions in '{path}': {error}") from error
    return table


def _renamed(raw: pd.DataFrame, names: Mapping[str, str], path: Path) -> dict[str, str]:
    """Return the table's own names by the file's."""
    for name, column in names.items():
        if name not in COLUMNS and not name.startswith("probability_"):
            raise UserError(
                f"expected columns. of {', '.join(COLUMNS)}, found '{name}'.{nearest(name, COLUMNS)}"
            )
        if column not in raw:
            raise UserError(
                f"expected columns.{name} to be a column of '{path}', found '{column}' (there are "
                f"{', '.join(map(str, raw.columns))}).{nearest(column, list(map(str, raw.columns)))}"
            )
    return {column: name for name, column in names.items()}


def _require_columns(table: pd.DataFrame, path: Path) -> None:
    missing = [name for name in ("label",) if name not in table]
    if not probability_columns(table):
        missing.append("probability")
    if missing:
        raise UserError(
            f"expected the columns label and probability in '{path}', found none named "
            f"{' or '.join(missing)} (there are {', '.join(map(str, table.columns))}); rename it, or say "
            f"what it is called: columns.{missing[0]}=<its name>"
        )


def _labels(table: pd.DataFrame, path: Path) -> pd.Series:
    numbers = pd.to_numeric(table["label"], errors="coerce").astype("Float64")
    classes = max(2, len(probability_columns(table)))
    wrong = table["label"].notna() & (
        numbers.isna() | (numbers % 1 != 0) | (numbers < 0) | (numbers >= classes)
    )
    _refuse(table, wrong, "label", f"a whole number from 0 to {classes - 1}, or nothing", path)
    return numbers.astype("Int64")


def _completed(table: pd.DataFrame, known: pd.Series, shares: list[str], path: Path) -> pd.DataFrame:
    """Give the table the columns that are missing, and check the cells of all."""
    for name in shares:
        numbers = pd.to_numeric(table[name], errors="coerce")
        hint = "a number from 0 to 1 (of a logit, take its sigmoid)"
        _refuse(table, ~numbers.between(0, 1) & known.notna(), name, hint, path)
    rows = pd.Series(range(1, len(table) + 1), index=table.index).astype(str)
    sample = table["sample_id"].astype(str) if "sample_id" in table else rows
    patient = table["patient_id"].astype(str) if "patient_id" in table else sample
    split = (
        table["split"].astype(str).str.strip() if "split" in table else pd.Series("test", index=table.index)
    )
    _refuse(table, ~split.isin(SPLITS), "split", f"one of {', '.join(SPLITS)}", path)
    if "patient_id" in table:
        _refuse(table, table["patient_id"].isna(), "patient_id", "a value", path)
    completed = table.assign(sample_id=sample, patient_id=patient, split=split, label=known)
    for name in shares:
        completed[name] = pd.to_numeric(table[name], errors="coerce")
    return completed.assign(fold=pd.array([None] * len(table), dtype="Int64"), **_logits(completed, shares))


def _logits(table: pd.DataFrame, shares: list[str]) -> dict[str, pd.Series]:
    """Return logits of two classes, or logarithms of K probabilities, where the file has none."""
    tiny = np.finfo(np.float64).tiny
    if shares == ["probability"]:
        share = table["probability"].clip(1e-15, 1 - 1e-15)
        return {} if "logit" in table else {"logit": np.log(share) - np.log1p(-share)}
    return {name.replace("probability", "logit"): np.log(table[name].clip(lower=tiny)) for name in shares}


def _require_samples(table: pd.DataFrame, path: Path) -> None:
    if table.empty:
        raise UserError(f"expected at least one labelled sample in '{path}', found none")
    twice = table["sample_id"].duplicated()
    if twice.any():
        raise UserError(
            f"expected every sample_id once in '{path}', found {int(twice.sum())} again, such as "
            f"'{table['sample_id'][twice].iloc[0]}'; several images of one patient share patient_id, not "
            "sample_id"
        )


def _refuse(table: pd.DataFrame, wrong: pd.Series, name: str, expected: str, path: Path) -> None:
    if not wrong.any():
        return
    row = int(np.flatnonzero(wrong.to_numpy())[0])
    value = table[name].iloc[row] if name in table else "nothing"
    more = f" and in {int(wrong.sum()) - 1} more rows" if wrong.sum() > 1 else ""
    found = "nothing" if pd.isna(value) else f"'{value}'"
    raise UserError(
        f"{path}: {name}: expected {expected}, found {found} in row {row + 1}{more}; correct it, or leave "
        "such rows out (rows are counted from 1)"
    )
