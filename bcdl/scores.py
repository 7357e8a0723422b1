"""The names under which metrics are logged, and which way each of them is better. Imports nothing."""

from typing import Literal

from bcdl.errors import UserError, nearest

METRICS = (
    *("auroc", "average_precision", "accuracy", "balanced_accuracy", "precision", "sensitivity"),
    *("specificity", "f1", "mcc", "brier", "loss"),
)
LOWER_IS_BETTER = ("loss", "brier")
MONITORED = "val/"


def lower_is_better(metric: str) -> bool:
    """Return whether the best value of a metric, of any level (`patient/brier`), is the lowest one."""
    return metric.rpartition("/")[2] in LOWER_IS_BETTER


def better(monitor: str) -> Literal["min", "max"]:
    """Return which way the monitored metric is better.

    Raises:
        UserError: unless it is `val/` and the name of a metric.
    """
    return "min" if lower_is_better(monitored_metric(monitor)) else "max"


def monitored_metric(monitor: str) -> str:
    """Return the metric that a monitor such as `val/auroc` names.

    Raises:
        UserError: unless it is `val/` and the name of a metric.
    """
    metric = monitor.removeprefix(MONITORED)
    if not monitor.startswith(MONITORED) or metric not in METRICS:
        names = [f"{MONITORED}{name}" for name in METRICS]
        raise UserError(
            f"expected callbacks.best.monitor to be one of {', '.join(names)}, found '{monitor}'."
            f"{nearest(monitor, names)} A run is judged by its validation samples"
        )
    return metric
