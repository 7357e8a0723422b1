import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from bcdl.errors import UserError
from bcdl.evaluation.paired import paired_auroc_difference, weighted_auroc


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


def test_weighted_auroc_agrees_with_scikit_learn_with_ties() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 200)
    scores = generator.integers(0, 12, 200) / 12
    weights = generator.integers(0, 4, 200).astype(float)
    expected = roc_auc_score(labels, scores, sample_weight=weights)
    assert weighted_auroc(labels, scores, weights) == pytest.approx(expected)


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
