"""What a run costs beside its training: `python benchmarks/run_cost.py [folder of breastmnist.npz]`.

Targets on two cores: 15 s for a `bcdl train` process of one BreastMNIST epoch with the CNN, from shell to
prompt; 3 s for a further job of a multirun; 1 s for what sweeper, tracking and study add to a trial of a
search without figures. The job is a whole run, with figures, tables and uploads, whose fit is one batch of
training and one of validation: a run needs a best checkpoint. A job's cost is the difference between two
sweeps, so that start-up, imports and the parent run cancel out. A trial takes the median time between the
ends of two that follow each other; taken off is the median time of its work alone, without sweep, tracking
or record: data opened, model built, fit, validation samples inferred.
"""

import time
from itertools import pairwise
from pathlib import Path
from statistics import median

from commands import breastmnist_folder, load, scratch, seconds
from lightning import seed_everything
from targets import Figure, show

from bcdl.assemble import build_data, build_model, build_trainer
from bcdl.conclude import infer
from bcdl.configs import compose
from bcdl.lineage import BEST_CHECKPOINT
from bcdl.models import load_checkpoint
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
        work = seconds_of_work(command[1:], own)
    print(f"a trial takes {trial:.2f} s, of which {work:.2f} s are its work")
    show(
        [
            Figure("bcdl train, BreastMNIST, cnn, one epoch", process, PROCESS_TARGET, "s"),
            Figure("a further job of a multirun, no-op fit", job, JOB_TARGET, "s"),
            Figure("overhead of a trial of a search, no-op fit, no figures", trial - work, TRIAL_TARGET, "s"),
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


def seconds_of_work(overrides: list[str], folder: Path) -> float:
    """Return the median seconds of what a trial does for itself, done as often in this process."""
    spent = []
    for number in range(TRIALS):
        own = folder / f"work-{number}"
        own.mkdir()
        cfg = compose("train", [*overrides, *NO_OP_FIT, f"seed={number}"])
        start = time.perf_counter()
        data = build_data(cfg)
        data.prepare()
        seed_everything(cfg.seed, workers=True, verbose=False)
        model = build_model(cfg, data, None)
        trainer = build_trainer(cfg, own, None)
        trainer.fit(model, data)
        load_checkpoint(model, own / BEST_CHECKPOINT)
        infer(model, data, trainer.strategy.root_device, ("val",))
        spent.append(time.perf_counter() - start)
    return median(spent)


if __name__ == "__main__":
    main()
