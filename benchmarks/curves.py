"""What the curves of a long run cost it: `python benchmarks/curves.py`.

Target: a run of 500 epochs of 0.2 s spends less than 5 % of its time on them. The fit is simulated, its
epochs pass asleep; run, journal, courier and SQLite store are real. Counted as cost are the seconds that the
training thread spends logging, the seconds at the end until everything has arrived, and all processor time of
the courier, as if no other core took it.
"""

import math
import time
from dataclasses import dataclass

from commands import load, scratch
from targets import Figure, show

from bcdl.tracking import RunLogger, TrackedRun, TrackingStore

EPOCHS, EPOCH = 500, 0.2  # number, seconds
TARGET = 5.0  # % of the run
TRAINED = ("loss", "auroc", "accuracy")
VALIDATED = (*TRAINED, "average_precision", "brier", "sensitivity", "specificity", "f1")
FURTHER = ("lr-AdamW", "time/epoch", "images_per_second")


@dataclass(frozen=True)
class Cost:
    """Seconds of one run.

    Attributes:
        logging: in the training thread, for its curves.
        slowest: the longest of those calls.
        ending: from its last epoch until all has arrived.
        courier: of processor time outside the training thread.
        run: from its first epoch until it has ended.
    """

    logging: float
    slowest: float
    ending: float
    courier: float
    run: float

    @property
    def share(self) -> float:
        """Per cent of the run that its curves cost."""
        return 100 * (self.logging + self.ending + self.courier) / self.run


def main() -> None:
    print(load())
    with scratch():
        cost = simulate()
    print(
        f"logging {cost.logging:.2f} s (longest call {1000 * cost.slowest:.1f} ms), "
        f"ending {cost.ending:.2f} s, courier {cost.courier:.2f} s of {cost.run:.0f} s"
    )
    show([Figure(f"curves of {EPOCHS} epochs of {EPOCH} s, share of the run", cost.share, TARGET, "%")])


def simulate() -> Cost:
    """Return what a run of sleeping epochs costs."""
    run = TrackedRun.start(TrackingStore.open(), "cnn")
    logger, calls = RunLogger(run), list[float]()
    start, elsewhere = time.perf_counter(), time.process_time() - time.thread_time()
    for epoch in range(EPOCHS):
        time.sleep(EPOCH)
        for metrics in curves(epoch):
            before = time.perf_counter()
            logger.log_metrics(metrics, epoch)
            calls.append(time.perf_counter() - before)
    trained = time.perf_counter()
    run.close("FINISHED")
    end = time.perf_counter()
    courier = time.process_time() - time.thread_time() - elsewhere
    require_all(run)
    return Cost(sum(calls), max(calls), end - trained, courier, end - start)


def curves(epoch: int) -> list[dict[str, float]]:
    """Return what the training, the validation and the callbacks of an epoch log."""
    value = math.exp(-epoch / EPOCHS)
    return [
        {"epoch": epoch, **{f"train/{name}": value for name in TRAINED}},
        {"epoch": epoch, **{f"val/{name}": value for name in VALIDATED}},
        dict.fromkeys(FURTHER, value),
    ]


def require_all(run: TrackedRun) -> None:
    """Fail unless the store has every epoch of a curve."""
    steps = [point.step for point in run.store.client.get_metric_history(run.id, "val/auroc")]
    assert steps == list(range(EPOCHS)), f"{len(steps)} of {EPOCHS} epochs have arrived"


if __name__ == "__main__":
    main()
