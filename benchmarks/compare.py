"""Seconds of `bcdl compare` over many runs: `python benchmarks/compare.py`.

Target: 5 s over 1,000 runs of one sweep, from shell to prompt, on two cores, and no more than MLflow's own
client takes to read the same runs in a process of its own. The runs have the parameters, tags and metrics of
real ones and learning curves behind them; making them takes minutes.
"""

import random
import subprocess
import sys
import time

from commands import load, scratch, seconds
from mlflow.entities import Metric, Param, RunTag
from targets import Figure, show

from bcdl.tracking import TrackedRun, TrackingStore

RUNS, TARGET = 1000, 5.0  # number, seconds
REPEATS = 3
MLFLOW_ALONE = """
import sys
from mlflow import MlflowClient
address, experiment, count = sys.argv[1:]
assert len(MlflowClient(address).search_runs([experiment], max_results=int(count))) == int(count)
"""
EPOCHS = 3
METRICS = ("auroc", "average_precision", "accuracy", "brier", "loss", "sensitivity", "specificity", "f1")
PARAMS = {
    "encoder": "small_cnn",
    "data": "breastmnist",
    "loss": "cross_entropy",
    "optimizer": "adamw",
    "scheduler": "cosine",
    "augment": "light",
    "preprocess": "zscore",
    "sampler": "shuffled",
    "unit": "image",
    "batch_size": "64",
    "max_epochs": str(EPOCHS),
    "data.root": "***",
}


def main() -> None:
    print(load())
    with scratch():
        store = TrackingStore.open()
        parent = fill(store)
        sweep = min(seconds("compare", "--sweep", parent) for _ in range(REPEATS))
        alone = min(seconds_of_mlflow(store) for _ in range(REPEATS))
        newest = min(seconds("compare", "--limit", str(RUNS)) for _ in range(REPEATS))
    show(
        [
            Figure(f"bcdl compare --sweep, {RUNS:,} runs", sweep, TARGET, "s"),
            Figure("the same, of MLflow's client reading them", sweep / alone, 1.0, ""),
            Figure(f"bcdl compare --limit {RUNS}", newest, TARGET, "s"),
        ]
    )


def seconds_of_mlflow(store: TrackingStore) -> float:
    """Return the seconds of a process that reads the same runs with MLflow's client and does nothing else."""
    start = time.perf_counter()
    command = [sys.executable, "-c", MLFLOW_ALONE, store.uri, store.experiment_id, str(RUNS)]
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def fill(store: TrackingStore) -> str:
    """Make a sweep of so many runs and return the id of its parent."""
    chance = random.Random(0)
    with TrackedRun.start(store, "sweep", kind="sweep", tags={"bcdl.sweep": "sweep"}) as parent:
        pass
    for number in range(RUNS):
        add_run(store, parent.id, number, chance)
    return parent.id


def add_run(store: TrackingStore, parent: str, number: int, chance: random.Random) -> None:
    """Make one finished run."""
    names = {"bcdl.kind": "train", "mlflow.parentRunId": parent, "bcdl.sweep": "sweep"}
    places = {"bcdl.trial": str(number), "bcdl.try": str(number), "bcdl.job": "0", "bcdl.seed": "0"}
    client = store.plain_client
    run = client.create_run(
        store.experiment_id, tags=names | places, run_name=f"cnn-small_cnn-breastmnist-{number}"
    )
    varied = {"model": "cnn", "lr": f"{10 ** chance.uniform(-5, -2):.6f}", "seed": str(number % 5)}
    client.log_batch(
        run.info.run_id,
        metrics=[*_curves(chance), *_results(chance)],
        params=[Param(key, value) for key, value in (PARAMS | varied).items()],
        tags=[RunTag("bcdl.version", "0.4.0"), RunTag("mlflow.source.git.commit", "f" * 40)],
    )
    client.set_terminated(run.info.run_id)


def _curves(chance: random.Random) -> list[Metric]:
    names = [f"{split}/{name}" for split in ("train", "val") for name in METRICS]
    return [Metric(name, chance.random(), 1000 * epoch, epoch) for epoch in range(EPOCHS) for name in names]


def _results(chance: random.Random) -> list[Metric]:
    names = [f"{split}/{name}" for split in ("best/val", "test") for name in METRICS]
    return [Metric(name, chance.random(), 1, EPOCHS) for name in (*names, "seconds", "epochs", "parameters")]


if __name__ == "__main__":
    main()
