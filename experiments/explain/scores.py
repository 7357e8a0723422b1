"""The study's tables, once its runs are explained: `python experiments/explain/scores.py [tracking root]`."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bcdl.stats import bootstrap
from bcdl.tracking import TrackingStore

STUDY, KEYS, CONTROL = "explain/pointing", ["encoder.widths", "method"], "brightness"
SCORES = ("hit_rate", "hit_rate_chance", "energy", "energy_chance", "froc", "deletion", "insertion")
CHECKED = ("randomisation", "passes")


def main() -> None:
    """Print means and standard deviations over the seeds, hits by kind of lesion, and gains on brightness."""
    store = TrackingStore.open(Path(sys.argv[1]) if len(sys.argv) > 1 else None, create=False)
    runs = store.runs()
    runs = runs[(runs["params.experiments"] == STUDY) & (runs["status"] == "FINISHED")]
    scores, hits = (_joined(store, runs, name) for name in ("scores.csv", "pointing.csv"))
    scores.drop(columns=["p_value"]).to_csv(Path(__file__).with_name("scores.csv"), index=False)
    print(_spread(runs, ["params.encoder.widths"], ["metrics.test/auroc"]).to_string())
    print(_spread(scores.astype(dict.fromkeys(CHECKED, float)), KEYS, [*SCORES, *CHECKED]).to_string())
    by_kind = hits.groupby(["seed", *KEYS, "kinds"])["hit"].mean().reset_index()
    print(_spread(by_kind, [*KEYS, "kinds"], ["hit"]).unstack("kinds").to_string())
    for widths, arm in hits.groupby("encoder.widths"):
        print(f"{widths}: hit rate less that of brightness")
        _print_gains(arm)


def _joined(store: TrackingStore, runs: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a table of every run as one, with the run's seed and widths."""
    return pd.concat(
        [
            pd.read_csv(store.download(row["run_id"], f"explain/test/{name}")).assign(
                **{"seed": row["params.seed"], "encoder.widths": row["params.encoder.widths"]}
            )
            for row in runs.to_dict("records")
        ],
        ignore_index=True,
    )


def _spread(table: pd.DataFrame, keys: list[str], columns: list[str]) -> pd.DataFrame:
    grouped = table.groupby(keys)[columns]
    mean, deviation = grouped.mean(), grouped.std(ddof=1)
    return mean.map("{:.2f}".format) + " ± " + deviation.map("{:.2f}".format)


def _print_gains(hits: pd.DataFrame) -> None:
    """Print each method's mean gain over the seeds, with its 95 % interval by draws of patients."""
    rates = hits.astype({"hit": float}).pivot_table(
        index=["patient_id", "image_id"], columns="method", values="hit"
    )
    patients = pd.factorize(rates.index.get_level_values("patient_id"))[0].astype(np.int64)
    for method in rates.columns.drop(CONTROL):
        gain = (rates[method] - rates[CONTROL]).to_numpy()
        drawn = bootstrap(lambda weights, gain=gain: {"gain": weights @ gain / weights.sum(1)}, patients)
        found = drawn["gain"].interval()
        print(f"  {method}: {found.value:+.2f} ({found.low:+.2f} to {found.high:+.2f})")


if __name__ == "__main__":
    main()
