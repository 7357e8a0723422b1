import numpy as np
import pandas as pd
import pytest

from bcdl.errors import UserError
from bcdl.evaluation.arms import paired_auroc_difference


def arm(noise: float, seed: int, patients: int = 120) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    label = np.arange(patients * 2) % 4 // 2
    return pd.DataFrame(
        {
            "patient_id": [f"p{i // 2:03d}" for i in range(patients * 2)],
            "label": label,
            "probability": label + generator.normal(0, noise, patients * 2),
        }
    )


def test_a_clearly_better_arm_has_an_interval_above_zero() -> None:
    better, worse = [arm(0.4, s) for s in range(3)], [arm(2.0, s + 10) for s in range(3)]
    difference = paired_auroc_difference(better, worse, draws=200)
    assert difference.low > 0
    assert difference.low < difference.value < difference.high


def test_an_arm_against_itself_has_no_difference() -> None:
    tables = [arm(1.0, 3)]
    difference = paired_auroc_difference(tables, tables, draws=50)
    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)


def test_other_patients_are_refused_with_their_count() -> None:
    with pytest.raises(UserError, match="20 patients stand in one arm only"):
        paired_auroc_difference([arm(1.0, 0, patients=40)], [arm(1.0, 0, patients=60)])
