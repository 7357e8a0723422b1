"""Columns that tell the label by themselves: outcomes, later work-up, or how the data were gathered."""

import numpy as np
import pandas as pd

from bcdl.data.audit.finding import Finding
from bcdl.data.audit.settings import AuditSettings
from bcdl.data.audit.single_column import Score, best_score
from bcdl.data.audit.words import plural, verb
from bcdl.data.table import ExamTable

_NOT_ASKED = ("patient_id", "exam_id", "image_id", "path", "label", "split", "birads")
_NAMED = 5  # columns in the sentence


def label_leaks(table: ExamTable, settings: AuditSettings) -> list[Finding]:
    """Find columns, `meta_*` included, whose values or missingness alone rank the images by class.

    Of more than two classes each is set against the others. `birads` has a finding of its own.
    """
    rows = _scores(table, [str(name) for name in table.images if name not in _NOT_ASKED])
    rows = rows[rows["auroc"] >= settings.leak_warning].reset_index(drop=True)
    if rows.empty:
        return []
    named = [f"{row['column']} ({row['auroc']:.2f})" for row in rows.head(_NAMED).to_dict("records")]
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    severe = rows["auroc"].iloc[0] >= settings.leak_severe
    return [
        Finding(
            check="label_leaks",
            severity="severe" if severe else "warning",
            summary=f"{plural(len(rows), 'column')} {verb(len(rows), 'tells', 'tell')} the label "
            f"without the image (AUROC): {', '.join(named)}{more}.",
            remedy="Never give these columns to a model, and choose no images by them; a column that should "
            "not know the outcome, such as machine or age, is a bias of how the data were gathered.",
            rows=rows,
        )
    ]


def birads_leak(table: ExamTable, settings: AuditSettings) -> list[Finding]:
    """Say how well `birads` alone tells the label: a reading of the same images, or the label's source."""
    rows = _scores(table, ["birads"])
    rows = rows[rows["auroc"] >= settings.leak_warning].reset_index(drop=True)
    if rows.empty:
        return []
    return [
        Finding(
            check="birads_leak",
            severity="warning",
            summary=f"birads alone ranks the images by class with an AUROC of {rows['auroc'].iloc[0]:.2f}.",
            remedy="It is a radiologist's reading of the same exam, and in some data sets the source of the "
            "label: use it to compare with, never as an input.",
            rows=rows,
        )
    ]


def _scores(table: ExamTable, columns: list[str]) -> pd.DataFrame:
    """Return the best score of every column, highest first: column, reading, class, auroc and counts."""
    images = table.images[table.images["label"].notna()]
    labels = images["label"].to_numpy(dtype=np.int64)
    asked = range(len(table.classes)) if len(table.classes) > 2 else [table.positive_label]
    found: list[tuple[str, int, Score]] = []
    for name in columns:
        for label in asked:
            score = best_score(images[name], labels == label, images["patient_id"])
            if score:
                found.append((name, label, score))
    rows = [
        (name, score.reading, table.classes[label], score.auroc, score.images, score.positives)
        for name, label, score in found
    ]
    frame = pd.DataFrame(rows, columns=["column", "reading", "class", "auroc", "images", "positives"])
    frame = frame.sort_values("auroc", ascending=False, kind="stable")
    return frame.drop_duplicates("column").reset_index(drop=True)
