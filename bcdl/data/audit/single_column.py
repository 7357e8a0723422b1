"""How well one column alone ranks the images by class, fair to columns of many values.

Numbers and missingness are ranked as they are. A category is scored by the smoothed share of the class among
other patients (five folds of patients), so that a column of many values does not score by chance.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.splits import assign_folds

_FOLDS = 5
_SMOOTHING = 5.0  # images with the overall share that every category is given
_MOST_CODES = 50  # distinct numbers up to which a column is tried as categories, too
_STANDARD_ERRORS = 3.0  # from 0.5, of patients, that chance is allowed

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    """The AUROC of one way to read a column, and the images that it is over."""

    auroc: float
    reading: str
    images: int
    positives: int


def best_score(column: pd.Series, target: Flags, patients: pd.Series) -> Score | None:
    """Return the reading of a column (values or missingness) that tells the target best.

    Args:
        column: Any column, one cell an image.
        target: (N,) whether the image is of the class.
        patients: Patient of every image.

    Returns:
        The best score beyond chance (three standard errors of the Mann-Whitney statistic, with patients as
        its units), or `None` where no reading can be told from chance.
    """
    missing = column.isna().to_numpy()
    scores = [_numeric(missing.astype(np.float64), target, "missing")]
    known, target_known, patients_known = column[~missing], target[~missing], patients[~missing]
    numbers = _numbers(known)
    if numbers is not None:
        scores.append(_numeric(numbers, target_known, "number"))
    if numbers is None or len(np.unique(numbers)) <= _MOST_CODES:
        scores.append(_categorical(known.astype(str), target_known, patients_known))
    allowed = {
        "missing": _chance(target, patients),
        "number": (chance := _chance(target_known, patients_known)),
        "category": chance,
    }
    beyond = [score for score in scores if score and score.auroc - 0.5 > allowed[score.reading]]
    return max(beyond, key=lambda score: score.auroc, default=None)


def auroc(scores: NDArray[np.float64], target: Flags) -> float:
    """Return the probability that a positive outranks a negative, ties counted half; NaN without either."""
    positives = int(target.sum())
    negatives = len(target) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = pd.Series(scores).rank().to_numpy()
    return float((ranks[target].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _numeric(values: NDArray[np.float64], target: Flags, reading: str) -> Score | None:
    area = auroc(values, target)
    if np.isnan(area):
        return None
    return Score(max(area, 1 - area), reading, len(target), int(target.sum()))


def _categorical(words: pd.Series, target: Flags, patients: pd.Series) -> Score | None:
    """Score categories on folds of patients that their shares do not come from."""
    folds = min(_FOLDS, patients.nunique())
    if folds < 2:
        return None
    frame = pd.DataFrame({"patient_id": patients, "label": target.astype(np.int64)})
    fold = assign_folds(frame, folds, seed=0)
    codes = pd.factorize(words)[0]
    areas, weights = [], []
    for number in range(folds):
        held = fold == number
        shares = _shares(codes, target, ~held)
        area = auroc(shares[codes[held]], target[held])
        areas.append(0.0 if np.isnan(area) else area)
        weights.append(float(target[held].sum()) * float((~target[held]).sum()))
    if sum(weights) == 0:
        return None
    return Score(float(np.average(areas, weights=weights)), "category", len(target), int(target.sum()))


def _shares(codes: NDArray[np.int64], target: Flags, used: Flags) -> NDArray[np.float64]:
    """Return the smoothed share of the target in every category among the images used."""
    size = int(codes.max()) + 1
    images = np.bincount(codes[used], minlength=size)
    positives = np.bincount(codes[used], weights=target[used], minlength=size)
    overall = float(target[used].mean())
    shares: NDArray[np.float64] = (positives + _SMOOTHING * overall) / (images + _SMOOTHING)
    return shares


def _numbers(cells: pd.Series) -> NDArray[np.float64] | None:
    """Return the cells as numbers, or `None` if one of them is none."""
    if pd.api.types.is_datetime64_any_dtype(cells):
        return cells.astype("int64").to_numpy().astype(np.float64)
    try:
        numbers = pd.to_numeric(cells).to_numpy(dtype=np.float64)
    except (ValueError, TypeError):
        return None
    return numbers if np.isfinite(numbers).all() else None


def _chance(target: Flags, patients: pd.Series) -> float:
    """Return how far from 0.5 chance may lead: three standard errors of the Mann-Whitney statistic."""
    positives, negatives = patients[target].nunique(), patients[~target].nunique()
    if not positives or not negatives:
        return float("inf")
    return _STANDARD_ERRORS * float(np.sqrt((positives + negatives + 1) / (12 * positives * negatives)))
