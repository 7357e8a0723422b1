"""Breasts without one of the two standard views, and images of unknown side or view."""

import pandas as pd

from bcdl.data.audit.finding import Finding
from bcdl.data.audit.words import counts, plural

_STANDARD = ("CC", "MLO")
_BREAST = ["patient_id", "exam_id", "laterality"]
_EXAM = ["patient_id", "exam_id"]


def missing_views(images: pd.DataFrame) -> list[Finding]:
    """Find breasts without CC or MLO, and count exams without both views of both breasts.

    Data sets without any CC or MLO image, such as ultrasound, are not asked.
    """
    standard = images[images["view"].isin(_STANDARD)]
    sided = images[images["laterality"].isin(["L", "R"])]
    if standard.empty or sided.empty:
        return []
    breasts = _breasts(sided)
    missing = breasts[breasts["missing"] != ""]
    pairs = standard[standard["laterality"].isin(["L", "R"])].drop_duplicates([*_BREAST, "view"])
    whole = (pairs.groupby(_EXAM).size() == 4).sum()
    exams = len(images.drop_duplicates(_EXAM))
    if missing.empty and whole == exams:
        return []
    by_split = f" ({counts(missing['split'].value_counts())})" if len(missing) else ""
    return [
        Finding(
            check="missing_views",
            severity="note",
            summary=f"Without CC or MLO: {len(missing):,} of {plural(len(breasts), 'breast')}{by_split}; "
            f"without all four standard views: {exams - whole:,} of {plural(exams, 'exam')}.",
            remedy="Models mask missing views, so nothing has to be done; compare models on the same "
            "data.unit, and say how many breasts have a single view.",
            rows=missing.reset_index(drop=True),
        )
    ]


def unknown_views(images: pd.DataFrame) -> list[Finding]:
    """Find images whose side or view is not known."""
    unknown = images[(images["laterality"] == "NA") | (images["view"] == "NA")]
    if unknown.empty:
        return []
    side, view = (unknown["laterality"] == "NA").sum(), (unknown["view"] == "NA").sum()
    return [
        Finding(
            check="unknown_views",
            severity="note",
            summary=f"Side unknown: {side:,}, view unknown: {view:,}, of {plural(len(images), 'image')}.",
            remedy="Fill in laterality and view where the source has them; without a side, "
            "data.unit=breast takes both breasts for one.",
            rows=unknown[["image_id", "patient_id", "laterality", "view", "split", "label"]].reset_index(
                drop=True
            ),
        )
    ]


def _breasts(sided: pd.DataFrame) -> pd.DataFrame:
    """Return one row a breast of an exam: its key, split and which standard views it lacks."""
    breasts = sided.drop_duplicates(_BREAST)[[*_BREAST, "split"]]
    missing = pd.Series("", index=breasts.index)
    keys = pd.MultiIndex.from_frame(breasts[_BREAST])
    for view in _STANDARD:
        there = pd.MultiIndex.from_frame(sided.loc[sided["view"] == view, _BREAST])
        missing = missing.where(keys.isin(there), missing + f" {view}")
    return breasts.assign(missing=missing.str.strip().str.replace(" ", ", "))
