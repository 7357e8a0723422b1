"""The most confident errors of a reading: cancers that were called negative, and negatives called back."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.evaluation.assessment.section import Section
from bcdl.evaluation.levels import probabilities
from bcdl.evaluation.predictions import labels

TITLE, FILE = "Worst errors", "worst_errors.csv"
NONE = "No judged sample was called wrong at the threshold of decisions."
NO_IMAGES = "They are listed without their images."
MISSED, FALSE_ALARM, WRONG = "false negative", "false positive", "wrong class"


def worst_errors(table: pd.DataFrame, threshold: float, classes: Sequence[str], count: int) -> pd.DataFrame:
    """Return the most confident errors.

    Args:
        table: judged predictions.
        threshold: probability from which a sample of two classes counts as positive.
        classes: class names by label.
        count: at most so many; of two classes half of them, rounded up, of each kind.

    Returns:
        `error, sample_id, patient_id, truth, called, probability`: of two classes false negatives first, with
        the probability of the positive class; of more classes that of the class that was called. The worst
        of a kind comes first; of equal probabilities the first `sample_id`.
    """
    known = table[table["label"].notna()].sort_values("sample_id", ignore_index=True)
    truth, shares = labels(known), probabilities(known)
    if shares.ndim == 2:
        called = shares.argmax(axis=1)
        found = _listed(known, truth, called, shares.max(axis=1), classes).assign(error=WRONG)
        return _worst(found[truth != called], count, highest=True)
    called = (shares >= threshold).astype(np.int64)
    found = _listed(known, truth, called, shares, classes)
    half = (count + 1) // 2
    missed = _worst(found[(truth == 1) & (called == 0)].assign(error=MISSED), half, highest=False)
    alarms = _worst(found[(truth == 0) & (called == 1)].assign(error=FALSE_ALARM), count - half, highest=True)
    return pd.concat([missed, alarms], ignore_index=True)


def in_words(threshold: float, classes: Sequence[str]) -> str:
    """Return what a table of `worst_errors` holds."""
    if len(classes) > 2:
        return "The most confident ones; the probability is that of the class that was called."
    return (
        f"The most confident ones at the threshold of decisions ({threshold:.3f}); the probability is that "
        "of the positive class."
    )


def listed_errors(table: pd.DataFrame, threshold: float, classes: Sequence[str], count: int) -> Section:
    """Return the section of the worst errors without their images, with arguments as `worst_errors`."""
    found = worst_errors(table, threshold, classes, count)
    if found.empty:
        return Section(TITLE, NONE)
    return Section(TITLE, f"{in_words(threshold, classes)} {NO_IMAGES}", {FILE: found})


def _listed(
    known: pd.DataFrame,
    truth: NDArray[np.int64],
    called: NDArray[np.int64],
    shares: NDArray[np.float64],
    classes: Sequence[str],
) -> pd.DataFrame:
    names = np.asarray(classes, dtype=object)
    return pd.DataFrame(
        {
            "error": "",
            "sample_id": known["sample_id"],
            "patient_id": known["patient_id"],
            "truth": names[truth],
            "called": names[called],
            "probability": shares,
        }
    )


def _worst(errors: pd.DataFrame, count: int, highest: bool) -> pd.DataFrame:
    ordered = errors.sort_values("probability", ascending=not highest, kind="stable")
    return ordered.head(count).reset_index(drop=True)
