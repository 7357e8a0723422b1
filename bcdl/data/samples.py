"""From rows of the exam table to samples: one image, one breast, one exam, or all exams of a patient.

Row order within a sample: exams from oldest to newest (those without a day last, then by `exam_id`), and
within an exam by laterality (L, R, NA), then view (as in `VIEWS`), then the table's order.
"""

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.schema import codes
from bcdl.data.table import LATERALITIES, SPLITS, VIEWS
from bcdl.errors import UserError, nearest

_LOG = logging.getLogger(__name__)
UNITS = ("image", "breast", "exam", "patient")
EXTRA_VIEWS = ("first", "all")

_KEYS = {
    "image": ["image_id"],
    "breast": ["patient_id", "exam_id", "laterality"],
    "exam": ["patient_id", "exam_id"],
    "patient": ["patient_id"],
}
_DAYS_A_YEAR = 365.25


def group_samples(
    images: pd.DataFrame, unit: str, on_extra_view: str = "first", newest_exams: int | None = None
) -> pd.DataFrame:
    """Group images into samples.

    A sample's label is the highest over its labelled images, repeated views included, and null where none has
    one. A view is repeated when side and view are known and the exam holds them already.

    Args:
        images: Images of the exam table, every patient in one split.
        unit: What a sample is: image, breast (one side of an exam), exam or patient.
        on_extra_view: `first` keeps the first image of a repeated view, `all` keeps every image; at
            unit=image every image is a sample of its own.
        newest_exams: Group only this many of each patient's newest exams; `None` groups all.

    Returns:
        One row a sample, RangeIndex, in the order in which they first appear: `sample_id` (the parts of its
        key joined by `/`), `patient_id`, `exam_id` (of the newest exam), `laterality` (`NA` where a
        sample has both sides), `split`, `label` (Int64) and `rows` (positions in `images`).

    Raises:
        UserError: An unknown unit or choice, or a sample whose images stand in two splits.
    """
    check_choice("data.unit", unit, UNITS)
    check_choice("data.on_extra_view", on_extra_view, EXTRA_VIEWS)
    kept = np.arange(len(images)) if newest_exams is None else _newest(images, newest_exams)
    images = images.iloc[kept].reset_index(drop=True)
    sample, exam = _numbers(images, unit), _numbers(images, "exam")
    order = _view_order(images, sample)
    starts = _starts(sample[order])
    labels = np.maximum.reduceat(images["label"].fillna(-1).to_numpy(np.int64)[order], starts)
    splits = _splits(images, order, starts)
    if unit != "image" and on_extra_view == "first":
        order = order[~_repeated(images, exam, order)]
        starts = _starts(sample[order])
    samples = _keys(images, order, starts, unit)
    coded = pd.Series(labels, dtype="Int64")
    rows = pd.Series(_slices(kept[order], starts), dtype=object)
    return samples.assign(split=splits, label=coded.mask(coded < 0), rows=rows)


def warn_of_joined_sides(samples: pd.DataFrame, unit: str) -> None:
    """Warn where breasts are wanted and images without a side make one sample of what may be two breasts."""
    joined = (samples["laterality"] == "NA") & (samples["rows"].map(len) > 1)
    if unit == "breast" and joined.any():
        _LOG.warning(
            "%d of %d samples join images of one exam without a side: data.unit=breast takes both breasts "
            "for one where laterality is missing; fill it in, or choose data.unit=exam",
            joined.sum(),
            len(samples),
        )


def exam_days(images: pd.DataFrame) -> pd.Series:
    """Return the earliest day of every row's exam, NaN where the exam has none."""
    return images.groupby(_KEYS["exam"], sort=False)["exam_day"].transform("min")


def years_before_newest(days: NDArray[np.float64], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return how long before the newest exam of its sample each view was taken.

    Args:
        days: (N, V) day of every view's exam, NaN where unknown.
        mask: (N, V) which slots hold a view.

    Returns:
        (N, V) years of 365.25 days; 0 where the day is unknown or the slot is empty.
    """
    known = np.where(mask, days, np.nan)
    newest = np.fmax.reduce(known, axis=1, keepdims=True)
    return np.nan_to_num((newest - known) / _DAYS_A_YEAR).astype(np.float32)


def check_choice(key: str, choice: str, choices: tuple[str, ...]) -> None:
    """Refuse a choice that is none of the choices (UserError)."""
    if choice not in choices:
        hint = nearest(choice, choices)
        raise UserError(f"expected {key} to be one of {', '.join(choices)}, found '{choice}'.{hint}")


def _numbers(images: pd.DataFrame, unit: str) -> NDArray[np.int64]:
    """Number the samples of a unit as they first appear, one number a row."""
    return images.groupby(_KEYS[unit], sort=False).ngroup().to_numpy().astype(np.int64)


def _newest(images: pd.DataFrame, count: int) -> NDArray[np.int64]:
    """Return the positions of the images of each patient's `count` newest exams."""
    if count < 1:
        raise UserError(f"expected data.newest_exams of 1 or more, or null, found {count}")
    exam = _numbers(images, "exam")
    exams = images.assign(exam_day=exam_days(images), exam=exam).drop_duplicates("exam")
    newest = exams.sort_values(["exam_day", "exam_id"]).groupby("patient_id").tail(count)
    return np.flatnonzero(np.isin(exam, newest["exam"]))


def _view_order(images: pd.DataFrame, sample: NDArray[np.int64]) -> NDArray[np.intp]:
    """Sort rows by sample, exam, laterality and view; equal ones keep the table's order."""
    exam_id, _ = pd.factorize(images["exam_id"], sort=True)
    day = exam_days(images).fillna(np.inf).to_numpy()
    view, side = codes(images["view"], VIEWS), codes(images["laterality"], LATERALITIES)
    return np.lexsort((view, side, exam_id, day, sample))


def _starts(sample: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return where each sample begins in sorted sample numbers."""
    return np.flatnonzero(np.diff(sample, prepend=-1))


def _splits(images: pd.DataFrame, order: NDArray[np.intp], starts: NDArray[np.intp]) -> NDArray[np.object_]:
    split = codes(images["split"], SPLITS)[order]
    lowest, highest = np.minimum.reduceat(split, starts), np.maximum.reduceat(split, starts)
    if (torn := np.flatnonzero(lowest != highest)).size:
        patient = images["patient_id"].iloc[order[starts[torn[0]]]]
        raise UserError(
            f"expected every patient in one split, found patient {patient} in {SPLITS[lowest[torn[0]]]} and "
            f"{SPLITS[highest[torn[0]]]}; give all images of a patient the same split"
        )
    return np.array(SPLITS, dtype=object)[lowest]


def _repeated(images: pd.DataFrame, exam: NDArray[np.int64], order: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Mark, in sorted order, the images whose exam holds their side and view already."""
    side, view = codes(images["laterality"], LATERALITIES), codes(images["view"], VIEWS)
    known = (side < LATERALITIES.index("NA")) & (view < VIEWS.index("OTHER"))
    slot = (exam * len(LATERALITIES) + side) * len(VIEWS) + view
    return pd.Series(slot[order]).duplicated().to_numpy() & known[order]


def _keys(images: pd.DataFrame, order: NDArray[np.intp], starts: NDArray[np.intp], unit: str) -> pd.DataFrame:
    """Name every sample: its id, patient, newest exam and side."""
    ends = np.append(starts[1:], len(order))
    newest = images.iloc[order[ends - 1]].reset_index(drop=True)
    side = codes(images["laterality"], LATERALITIES)[order]
    same = np.minimum.reduceat(side, starts) == np.maximum.reduceat(side, starts)
    first, *others = _KEYS[unit]
    sample_id = newest[first]
    for name in others:
        sample_id = sample_id + "/" + newest[name]
    return pd.DataFrame(
        {
            "sample_id": sample_id,
            "patient_id": newest["patient_id"],
            "exam_id": newest["exam_id"],
            "laterality": newest["laterality"].where(same, "NA"),
        }
    )


def _slices(order: NDArray[np.intp], starts: NDArray[np.intp]) -> list[list[int]]:
    rows = order.tolist()
    ends = [*starts[1:].tolist(), len(rows)]
    return [rows[start:end] for start, end in zip(starts.tolist(), ends, strict=True)]
