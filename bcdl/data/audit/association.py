"""Whether two groupings of patients go together: chi-square test and Cramer's V."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_LEAST_EXPECTED = 5  # Cochran's rule: below it the chi-square approximation does not hold
POOLED = "(small groups)"


@dataclass(frozen=True, eq=False)
class Association:
    """The association of groups with outcomes.

    Attributes:
        p: p-value of Pearson's chi-square test of independence.
        cramers_v: 0 (independent) to 1 (one tells the other); Cramer, Mathematical Methods of Statistics,
            1946.
        groups: One row a group: `group`, `patients`, the count of every outcome, and for yes-or-no outcomes
            `positives` and `prevalence` instead.
    """

    p: float
    cramers_v: float
    groups: pd.DataFrame


def association(groups: pd.Series, outcomes: pd.Series) -> Association | None:
    """Test whether outcomes depend on groups.

    Groups too small for the test (an expected count below 5) are pooled into one.

    Args:
        groups: Group of every patient; patients without one are left out.
        outcomes: Outcome of every patient, same index.

    Returns:
        The association, or `None` where fewer than two groups or outcomes are left to compare.
    """
    counts = pd.crosstab(groups.astype(str).where(groups.notna()), outcomes)
    if counts.empty or counts.shape[1] < 2:
        return None
    pooled = _pool(counts)
    if len(pooled) < 2:
        return None
    observed = pooled.to_numpy(dtype=np.float64)
    expected = _expected(observed)
    chi_square = float(((observed - expected) ** 2 / expected).sum())
    freedom = (observed.shape[0] - 1) * (observed.shape[1] - 1)
    strength = chi_square / (observed.sum() * (min(observed.shape) - 1))
    return Association(_p_value(chi_square, freedom), float(np.sqrt(strength)), _describe(pooled))


def _pool(counts: pd.DataFrame) -> pd.DataFrame:
    small = _expected(counts.to_numpy(dtype=np.float64)).min(axis=1) < _LEAST_EXPECTED
    if not small.any():
        return counts
    pooled = pd.concat([counts[~small], counts[small].sum().to_frame(POOLED).T])
    enough = _expected(pooled.to_numpy(dtype=np.float64)).min(axis=1) >= _LEAST_EXPECTED
    kept: pd.DataFrame = pooled[enough]
    return kept


def _expected(observed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the counts that independence would give."""
    expected: NDArray[np.float64] = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / observed.sum()
    return expected


def _p_value(chi_square: float, freedom: int) -> float:
    from scipy.stats import chi2

    return float(chi2.sf(chi_square, freedom))


def _describe(counts: pd.DataFrame) -> pd.DataFrame:
    patients = counts.sum(axis=1)
    if set(counts.columns) <= {False, True}:
        cells = pd.DataFrame({"positives": counts[True], "prevalence": counts[True] / patients})
    else:
        cells = counts.copy()
    cells.insert(0, "patients", patients)
    cells.columns.name = None
    return cells.rename_axis("group").reset_index()
