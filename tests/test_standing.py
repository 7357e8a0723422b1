"""Runs beside the best of a leaderboard: alike, told apart, or not comparable."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bcdl.standing import Standing, standing
from bcdl.tracking import TrackedRun, TrackingStore, leaderboard

PATIENTS = 120


@pytest.fixture
def store(tracking_root: Path) -> TrackingStore:
    return TrackingStore.open(tracking_root)


def predictions(gain: float, seed: int, patients: int = PATIENTS) -> pd.DataFrame:
    """Return predictions of one sample a patient; the larger the gain, the better."""
    label = np.arange(patients) % 2
    logit = gain * (2 * label - 1) + np.random.default_rng(seed).normal(size=patients)
    names = [f"s{number:03d}" for number in range(patients)]
    return pd.DataFrame(
        {
            **{"sample_id": names, "patient_id": names, "exam_id": "e", "laterality": "L", "split": "test"},
            "fold": pd.array([None] * patients, dtype="Int64"),
            "label": pd.array(label, dtype="Int64"),
            "logit": logit,
            "probability": 1 / (1 + np.exp(-logit)),
        }
    )


def record(store: TrackingStore, score: float, table: pd.DataFrame | None, data: str = "one") -> str:
    """Record a run with its validation score, its predictions and the fingerprint of its data."""
    with TrackedRun.start(store, "run") as run:
        run.log_metrics({"best/val/auroc": score, "test/auroc": 0.5})
        run.set_tags({"bcdl.data_fingerprint": data})
        if table is not None:
            run.log_table(table, "predictions.parquet")
    return run.id


def stand(store: TrackingStore) -> Standing:
    runs = store.runs()
    return standing(store, leaderboard(runs), runs)


def test_a_run_like_the_best_is_marked_and_a_worse_one_is_not(store: TrackingStore) -> None:
    good = predictions(1.5, seed=0)
    record(store, 0.9, good)
    like = record(store, 0.8, good.assign(logit=good["logit"] * 2))
    record(store, 0.7, predictions(0.0, seed=1))
    assert stand(store) == Standing(frozenset({like}), ())


def test_the_best_is_that_by_validation_whatever_the_test_says(store: TrackingStore) -> None:
    record(store, 0.9, predictions(0.0, seed=1))
    record(store, 0.8, predictions(1.5, seed=0))
    assert not stand(store).like_best


def test_runs_of_other_samples_and_other_data_are_named_and_not_tested(store: TrackingStore) -> None:
    record(store, 0.9, predictions(1.5, seed=0))
    other = record(store, 0.8, predictions(1.5, seed=0, patients=100), data="two")
    found = stand(store)
    assert not found.like_best
    assert "1 run differs from the best in the fingerprint" in found.notes[0]
    assert f"not tested against it: run-{other[:4]}" in found.notes[1]


def test_runs_without_predictions_are_left_as_they_are(store: TrackingStore) -> None:
    record(store, 0.9, None)
    record(store, 0.8, predictions(1.5, seed=0))
    record(store, 0.7, predictions(1.5, seed=0))
    assert stand(store) == Standing(frozenset(), ())


def test_an_empty_or_single_run_table_has_no_marks(store: TrackingStore) -> None:
    record(store, 0.9, predictions(1.5, seed=0))
    assert stand(store) == Standing(frozenset(), ())
