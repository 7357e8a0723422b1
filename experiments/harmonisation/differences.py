"""Scores and paired differences: `python experiments/harmonisation/differences.py [tracking root]`."""

import sys
from pathlib import Path

import pandas as pd

from bcdl.evaluation import read_predictions
from bcdl.evaluation.arms import paired_auroc_difference
from bcdl.tracking import TrackingStore

STUDY = "harmonisation/scanners"
_USUAL, _HARMONISED = "zscore", ("landmarks", "histogram_match")
_SCORES = {"val, scanner A": "best/val/auroc", "A": "test/a/auroc", "B": "test/b/auroc", "both": "test/auroc"}
_KEYS = ["params.preprocess", "params.seed"]


def main() -> None:
    """Print each arm's AUROC, and what harmonising gains with its 95 % interval over patients."""
    store = TrackingStore.open(Path(sys.argv[1]) if len(sys.argv) > 1 else None, create=False)
    runs = store.runs()
    runs = runs[(runs["status"] == "FINISHED") & (runs["params.experiments"] == STUDY)]
    runs = runs.sort_values("started").drop_duplicates(_KEYS, keep="last").sort_values(_KEYS)
    for arm in (_USUAL, *_HARMONISED):
        _print_scores(arm, runs[runs["params.preprocess"] == arm])
    usual = _predictions(store, runs, _USUAL)
    for arm in _HARMONISED:
        harmonised = _predictions(store, runs, arm)
        for place in ("a", "b"):
            pairs = [[_of(table, place) for table in tables] for tables in (harmonised, usual)]
            gain = paired_auroc_difference(*pairs)
            interval = f"95 % {gain.low:+.3f} to {gain.high:+.3f}"
            print(f"{arm} - {_USUAL} on {place}: {gain.value:+.3f} ({interval}), {len(usual)} seeds")


def _print_scores(arm: str, runs: pd.DataFrame) -> None:
    scores = {name: runs[f"metrics.{key}"] for name, key in _SCORES.items()}
    cells = ", ".join(f"{name} {found.mean():.3f} ± {found.std():.3f}" for name, found in scores.items())
    print(f"{arm}: {cells}, {len(runs)} seeds")


def _predictions(store: TrackingStore, runs: pd.DataFrame, arm: str) -> list[pd.DataFrame]:
    """Return an arm's test predictions, a table a seed."""
    chosen = runs[runs["params.preprocess"] == arm]
    tables = [read_predictions(store.download(run_id, "predictions.parquet")) for run_id in chosen["run_id"]]
    return [table[table["split"] == "test"] for table in tables]


def _of(table: pd.DataFrame, place: str) -> pd.DataFrame:
    return table[table["patient_id"].str.startswith(f"{place}/")]


if __name__ == "__main__":
    main()
