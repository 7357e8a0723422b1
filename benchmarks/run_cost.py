"""What a run costs beside its training: `python benchmarks/run_cost.py [folder of breastmnist.npz]`.

Targets on two cores: 15 s for a `bcdl train` process of one BreastMNIST epoch with the CNN, from shell to
prompt; 3 s for a further job of a multirun; 1 s for a further trial of a search without figures. The job is a
whole run, with figures, tables and uploads, whose fit is one batch of training and one of validation: a run
needs a best checkpoint. A job's cost is the difference between two sweeps, so that start-up, imports and the
parent run cancel out; a trial's the median time between the ends of two that follow each other.
"""

from itertools import pairwise
from pathlib import Path
from statistics import median

from commands import breastmnist_folder, load, scratch, seconds
from targets import Figure, show

from bcdl.tracking import TrackingStore

PROCESS_TARGET, JOB_TARGET, TRIAL_TARGET = 15.0, 3.0, 1.0  # seconds
REPEATS = 3
FEW, MANY = 2, 6  # jobs of a sweep
TRIALS = 14
SEARCH = (
    *("sweep=tpe", f"sweep.n_trials={TRIALS}", "optimizer.lr=tag(log,interval(1e-5,1e-2))"),
    "evaluate.figures=false",
)
NO_OP_FIT = ("trainer.max_epochs=1", "trainer.limit_train_batches=1", "trainer.limit_val_batches=1")


def main() -> None:
    folder = breastmnist_folder()
    if folder is None:
        return
    command = ["train", "model=cnn", "data=breastmnist", f"data.root={folder}"]
    print(load())
    with scratch() as own:
        seconds(*command, *NO_OP_FIT)  # creates the tracking store and the image store
        process = min(seconds(*command, "trainer.max_epochs=1") for _ in range(REPEATS))
        job = (sweep(command, MANY) - sweep(command, FEW)) / (MANY - FEW)
        trial = seconds_a_trial(command, own / "runs")
    show(
        [
            Figure("bcdl train, BreastMNIST, cnn, one epoch", process, PROCESS_TARGET, "s"),
            Figure("a further job of a multirun, no-op fit", job, JOB_TARGET, "s"),
            Figure("a further trial of a search, no-op fit, no figures", trial, TRIAL_TARGET, "s"),
        ]
    )


def sweep(command: list[str], jobs: int) -> float:
    """Return the seconds of a multirun of jobs with a no-op fit."""
    return seconds(*command, "-m", f"seed=range({jobs})", *NO_OP_FIT)


def seconds_a_trial(command: list[str], root: Path) -> float:
    """Return the median seconds between the ends of two trials of a search that follow each other."""
    seconds(*command, "-m", *NO_OP_FIT, *SEARCH, "sweep.name=search")
    store = TrackingStore.open(root)
    runs = store.runs(parent=store.resolve("search", kind="sweep"))
    ended = sorted(run.info.end_time for run in map(store.client.get_run, runs["run_id"]))
    gaps: list[float] = [later - earlier for earlier, later in pairwise(ended)]
    return median(gaps) / 1000


if __name__ == "__main__":
    main()
