"""What a run costs beside its training: `python benchmarks/run_cost.py [folder of breastmnist.npz]`.

Targets on two cores: 15 s for a `bcdl train` process of one BreastMNIST epoch with the CNN, from shell to
prompt; 3 s for a further job of a multirun; 1 s for a further trial of a search without figures. The job is a
whole run, with figures, tables and uploads, whose fit is one batch of training and one of validation: a run
needs a best checkpoint. Its cost is the difference between two sweeps, so that start-up, imports and the
parent run cancel out.
"""

from commands import breastmnist_folder, load, scratch, seconds
from targets import Figure, show

PROCESS_TARGET, JOB_TARGET, TRIAL_TARGET = 15.0, 3.0, 1.0  # seconds
REPEATS = 3
FEW, MANY = 2, 6  # jobs of a sweep
SEARCH = ("sweep=tpe", "sweep.n_trials={}", "optimizer.lr=tag(log,interval(1e-5,1e-2))", "sweep.test=all")
NO_OP_FIT = ("trainer.max_epochs=1", "trainer.limit_train_batches=1", "trainer.limit_val_batches=1")


def main() -> None:
    folder = breastmnist_folder()
    if folder is None:
        return
    command = ["train", "model=cnn", "data=breastmnist", f"data.root={folder}"]
    print(load())
    with scratch():
        seconds(*command, *NO_OP_FIT)  # creates the tracking store and the image store
        process = min(seconds(*command, "trainer.max_epochs=1") for _ in range(REPEATS))
        job = further([*command, *NO_OP_FIT], "seed=range({})")
        trial = further([*command, *NO_OP_FIT, "evaluate.figures=false"], *SEARCH)
    show(
        [
            Figure("bcdl train, BreastMNIST, cnn, one epoch", process, PROCESS_TARGET, "s"),
            Figure("a further job of a multirun, no-op fit", job, JOB_TARGET, "s"),
            Figure("a further trial of a search, no-op fit, no figures", trial, TRIAL_TARGET, "s"),
        ]
    )


def further(command: list[str], *varied: str) -> float:
    """Return what each further job of a sweep takes.

    Args:
        command: of `bcdl`, without what varies.
        varied: how the sweep is asked for, with `{}` in place of the number of its jobs.
    """
    few, many = (seconds(*command, "-m", *(text.format(jobs) for text in varied)) for jobs in (FEW, MANY))
    return (many - few) / (MANY - FEW)


if __name__ == "__main__":
    main()
