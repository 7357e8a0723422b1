"""EMBED's clinical table, a row a finding, as one row a breast of an exam: its label and its BI-RADS."""

from collections.abc import Sequence

import pandas as pd

from bcdl.data.readers.code_rule import label_codes

SIDES = ("L", "R", "B")
SEVERITIES = ("0", "1", "2", "3", "4", "5", "6")
BIRADS = {"N": "1", "B": "2", "P": "3", "A": "0", "S": "4", "M": "5", "K": "6"}  # by rising suspicion
BREAST = ["acc_anon", "laterality"]
_NEGATIVE = ("N", "B")


def breast_rows(
    findings: pd.DataFrame, benign: Sequence[str], malignant: Sequence[str], negatives: bool
) -> pd.DataFrame:
    """Return one row a breast: `acc_anon`, `laterality`, `label` (Int64) and `birads`, the worst of its rows.

    Pathology comes first: malignant if any of its codes is, else unlabelled if any is neither malignant nor
    benign, else benign. Without pathology a breast whose assessments are all negative or benign is benign,
    others are unlabelled.

    Args:
        findings: The clinical table with known codes.
        benign: Codes of `path_severity` that count as benign.
        malignant: Codes that count as malignant.
        negatives: Whether breasts without pathology are labelled by their assessment.
    """
    assessed = _by_breast(findings, findings["side"])
    breasts = assessed[BREAST].drop_duplicates().set_index(BREAST)
    pathology = _worst(_pathology(findings, benign, malignant), {0: 0, 1: pd.NA, 2: 1})
    negative = assessed["asses"].isin(_NEGATIVE) if negatives else pd.Series(False, assessed.index)
    by_assessment = _worst(assessed.assign(rank=(~negative).astype(int)), {0: 0, 1: pd.NA})
    labels = by_assessment.mask(by_assessment.index.isin(pathology.index))
    labels = labels.fillna(pathology.reindex(labels.index))
    ranks = assessed["asses"].map({code: rank for rank, code in enumerate(BIRADS)})
    birads = assessed.assign(rank=ranks).groupby(BREAST)["rank"].max()
    words = birads.map(dict(enumerate(BIRADS.values())))
    return breasts.assign(label=labels, birads=words).reset_index()


def _pathology(findings: pd.DataFrame, benign: Sequence[str], malignant: Sequence[str]) -> pd.DataFrame:
    """Return the rows with pathology by the breast that it is of, with `rank` 0 benign to 2 malignant."""
    rows = findings[findings["path_severity"].notna()]
    sides = rows["side"] if "bside" not in rows else rows["bside"].where(rows["bside"].notna(), rows["side"])
    labels = label_codes(rows["path_severity"], benign, malignant)
    return _by_breast(rows.assign(rank=labels.map({0: 0, 1: 2}).fillna(1)), sides)


def _by_breast(rows: pd.DataFrame, sides: pd.Series) -> pd.DataFrame:
    """Repeat rows of both sides, or of none, for each; the index is new."""
    lateralities = [[side] if side in ("L", "R") else ["L", "R"] for side in sides]
    return rows.assign(laterality=pd.Series(lateralities, rows.index, dtype=object)).explode(
        "laterality", ignore_index=True
    )


def _worst(rows: pd.DataFrame, labels: dict[int, object]) -> pd.Series:
    return rows.groupby(BREAST)["rank"].max().map(labels).astype("Int64")
