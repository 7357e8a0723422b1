"""The difference between two arms of a study, each of several seeds, with a paired interval.

Patients, not samples, are resampled, and every seed's tables see the same resampled patients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.errors import UserError
from bcdl.metrics.ranking import Ranking, weighted_auroc

Arm = tuple[Ranking, NDArray[np.int64]]  # of the samples, and their patients
CHUNK = 64  # draws that are in memory at once


@dataclass(frozen=True)
class Difference:
    """A mean difference with its percentile interval."""

    value: float
    low: float
    high: float


def paired_auroc_difference(
    first: Sequence[pd.DataFrame], second: Sequence[pd.DataFrame], draws: int = 2000, seed: int = 0
) -> Difference:
    """Return mean AUROC(first) - AUROC(second) with a 95 % patient-bootstrap interval.

    Args:
        first: one table a seed with `patient_id`, `label` and `probability`.
        second: the same seeds of the other arm; each pair of tables must hold the same patients.
        draws: number of bootstrap draws.
        seed: seed of the draws.

    Raises:
        UserError: if the arms differ in their number of seeds or in their patients.

    Source:
        Percentile bootstrap over patients; Efron and Tibshirani, An Introduction to the Bootstrap, 1993.
    """
    _check_same_patients(first, second)
    patients = pd.Index(sorted(set().union(*(table["patient_id"] for table in first))))
    arms = [[_prepared(table, patients) for table in arm] for arm in (first, second)]
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(len(patients), np.full(len(patients), 1 / len(patients)), size=draws)
    value = float(_mean_difference(arms, np.ones((1, len(patients))))[0])
    parts = np.array_split(counts.astype(np.float64), -(-draws // CHUNK))
    drawn = np.concatenate([_mean_difference(arms, weights) for weights in parts])
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Difference(value, float(low), float(high))


def _check_same_patients(first: Sequence[pd.DataFrame], second: Sequence[pd.DataFrame]) -> None:
    if len(first) != len(second) or not first:
        raise UserError(f"expected as many seeds in both arms, found {len(first)} and {len(second)}")
    for number, (a, b) in enumerate(zip(first, second, strict=True)):
        different = set(a["patient_id"]) ^ set(b["patient_id"])
        if different:
            raise UserError(
                f"a paired difference needs the same patients in both arms; in pair {number} "
                f"{len(different)} patients stand in one arm only. Evaluate both on the same split"
            )


def _prepared(table: pd.DataFrame, patients: pd.Index) -> Arm:
    positive, scores = table["label"].to_numpy(np.int64) == 1, table["probability"].to_numpy(np.float64)
    return Ranking(positive, scores), patients.get_indexer(pd.Index(table["patient_id"])).astype(np.int64)


def _mean_difference(arms: list[list[Arm]], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the difference of the arms' mean AUROC `(D,)` for the patients' weights `(D, P)`."""
    first, second = (
        np.mean([weighted_auroc(*ranking.counts(weights[:, of])) for ranking, of in arm], axis=0)
        for arm in arms
    )
    return np.asarray(first - second)
