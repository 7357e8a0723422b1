import numpy as np
import pandas as pd
import pytest


def make_table(patients: int = 150, views: int = 2, seed: int = 0, gain: float = 1.5) -> pd.DataFrame:
    """Return predictions of validation and test patients with several samples each."""
    generator = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), views)
    label = (generator.random(patients) < 0.3)[patient].astype(int)
    logit = (
        gain * (label - 0.5)
        + generator.normal(size=patients)[patient] / 2
        + generator.normal(size=len(patient))
    )
    return pd.DataFrame(
        {
            "sample_id": [f"s{number:04d}" for number in range(len(patient))],
            "patient_id": [f"p{number:03d}" for number in patient],
            "exam_id": "e",
            "laterality": np.where(np.arange(len(patient)) % views == 0, "L", "R"),
            "split": np.where(patient < patients // 2, "val", "test"),
            "fold": pd.array([None] * len(patient), dtype="Int64"),
            "label": pd.array(label, dtype="Int64"),
            "logit": logit,
            "probability": 1 / (1 + np.exp(-logit)),
            "density": np.array(["A", "B", "C"])[patient % 3],
            "age": 35.0 + patient % 40,
        }
    )


@pytest.fixture
def table() -> pd.DataFrame:
    return make_table()
