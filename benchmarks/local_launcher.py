"""Trials side by side on one machine: `python benchmarks/local_launcher.py [breastmnist folder [trials]]`.

Targets on two cores, for 32 trials of three epochs of BreastMNIST with the CNN: after each worker's first
trial, two slots of the local launcher do at least 1.6 times as many a minute as one; and one slot at least 3
times as many as separate `bcdl train` processes. A trial is a whole run, with figures, tables and uploads.
The separate processes are as many as the trials, one after the other.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from commands import breastmnist_folder, load, scratch, seconds
from targets import Figure, show

from bcdl.tracking import TrackingStore

SIDE_BY_SIDE_TARGET, KEPT_TARGET = 1.6, 3.0
TRIALS = 32


@dataclass(frozen=True)
class Bench:
    """What is run.

    Attributes:
        command: of `bcdl`, without what varies.
        root: the tracking root.
        trials: how many.
    """

    command: list[str]
    root: Path
    trials: int

    def separate(self) -> float:
        """Return the trials a minute of one process after the other."""
        spent = sum(seconds(*self.command, f"seed={seed}") for seed in range(self.trials))
        return 60 * self.trials / spent

    def side_by_side(self, n_jobs: int) -> float:
        """Return the trials a minute of the local launcher, once each worker has done its first."""
        name = f"bench-{n_jobs}"
        launcher = ("hydra/launcher=local", f"hydra.launcher.n_jobs={n_jobs}")
        seconds(*self.command, "-m", f"seed=range({self.trials})", f"sweep.name={name}", *launcher)
        store = TrackingStore.open(self.root)
        runs = store.runs(parent=store.resolve(name, kind="sweep"))
        ended = sorted(run.info.end_time for run in map(store.client.get_run, runs["run_id"]))
        minutes: float = (ended[-1] - ended[n_jobs - 1]) / 60_000
        return (len(ended) - n_jobs) / minutes


def main() -> None:
    folder = breastmnist_folder()
    if folder is None:
        return
    trials = int(sys.argv[2]) if len(sys.argv) > 2 else TRIALS
    print(load())
    with scratch() as own:
        command = ["train", "model=cnn", "data=breastmnist", f"data.root={folder}", "trainer.max_epochs=3"]
        bench = Bench(command, own / "runs", trials)
        seconds(*command)  # creates the tracking store and the image store
        separate, one, two = bench.separate(), bench.side_by_side(1), bench.side_by_side(2)
    print(f"trials a minute: separate processes {separate:.1f}, one slot {one:.1f}, two slots {two:.1f}")
    show(
        [
            Figure("two slots, of one slot's trials a minute", two / one, SIDE_BY_SIDE_TARGET, "", True),
            Figure("one slot, of separate processes' trials a minute", one / separate, KEPT_TARGET, "", True),
        ]
    )


if __name__ == "__main__":
    main()
