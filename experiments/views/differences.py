"""Paired differences between the arms: `python experiments/views/differences.py [tracking root]`."""

import sys
from pathlib import Path

import pandas as pd

from bcdl.evaluation import aggregate, read_predictions
from bcdl.evaluation.arms import Difference, paired_auroc_difference
from bcdl.tracking import TrackingStore

_KEYS = [f"params.{name}" for name in ("experiments", "model", "unit", "seed", "data.newest_exams")]
VIEWS, HISTORY = "views/views", "views/history"


def main() -> None:
    """Print each step's gain in test AUROC with its 95 % interval over patients."""
    store = TrackingStore.open(Path(sys.argv[1]) if len(sys.argv) > 1 else None, create=False)
    runs = store.runs()
    runs = runs.reindex(columns=runs.columns.union(_KEYS))  # a store with one study alone lacks some
    runs = runs[runs["status"] == "FINISHED"].sort_values("started").drop_duplicates(_KEYS, keep="last")
    image, breast = (_arm(store, runs, VIEWS, "cnn", unit) for unit in ("image", "breast"))
    sequence = _arm(store, runs, VIEWS, "cnn_rnn", "breast")
    history, newest = (_arm(store, runs, HISTORY, "cnn_rnn", "patient", exams) for exams in ("null", "1"))
    _print("cnn on a breast's views - cnn on single views, averaged", breast, image)
    _print("cnn_rnn on a breast's views - cnn on them", sequence, breast)
    _print("cnn_rnn on a breast's views - cnn on single views, averaged", sequence, image)
    _print("cnn_rnn on all exams - on the newest alone", history, newest)


def _arm(
    store: TrackingStore, runs: pd.DataFrame, study: str, model: str, unit: str, exams: str | None = None
) -> list[pd.DataFrame]:
    """Return the test predictions of an arm, a table a seed, at the level of the breast or the patient."""
    wanted = {"experiments": study, "model": model, "unit": unit}
    chosen = runs[(runs[[f"params.{key}" for key in wanted]] == list(wanted.values())).all(axis=1)]
    if exams is not None:
        chosen = chosen[chosen["params.data.newest_exams"] == exams]
    tables = []
    for run_id in chosen.sort_values("params.seed")["run_id"]:
        table = read_predictions(store.download(run_id, "predictions.parquet"))
        table = table[table["split"] == "test"]
        tables.append(aggregate(table, "breast") if unit == "image" else table)
    return tables


def _print(name: str, first: list[pd.DataFrame], second: list[pd.DataFrame]) -> None:
    gain: Difference = paired_auroc_difference(first, second)
    print(f"{name}: {gain.value:+.3f} (95 % {gain.low:+.3f} to {gain.high:+.3f}), {len(first)} seeds")


if __name__ == "__main__":
    main()
