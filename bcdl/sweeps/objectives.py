"""What a sweep may optimise: a metric of the best checkpoint on the validation samples."""

from typing import Literal

from bcdl.errors import UserError, nearest
from bcdl.scores import METRICS, lower_is_better, monitored_metric

Direction = Literal["maximize", "minimize"]
BEST = "best/val/"
_KEY = "sweep.objective"


def objectives(given: object, monitor: str) -> tuple[str, ...]:
    """Return the names of the metrics that a sweep optimises.

    Args:
        given: a name, a list of names, or None for what the best checkpoint is chosen by.
        monitor: `val/<metric>`.

    Raises:
        UserError: a name is none of `best/val/<metric>` or `best/val/<level>/<metric>`, or stands twice.
    """
    if given is None:
        return (f"{BEST}{monitored_metric(monitor)}",)
    names = given if isinstance(given, list) else [given]
    if not names:
        raise UserError(f"expected {_KEY} to be {BEST}<metric>, a list of such names or null, found []")
    checked = tuple(_checked(name) for name in names)
    if len(set(checked)) < len(checked):
        raise UserError(f"expected different names in {_KEY}, found {', '.join(checked)}; leave one out")
    return checked


def direction(objective: str) -> Direction:
    """Return which way a metric is better, in Optuna's word."""
    return "minimize" if lower_is_better(objective) else "maximize"


def _checked(name: object) -> str:
    text = str(name)
    if "test" in text.split("/"):
        raise UserError(
            f"{_KEY}: '{text}' is a result on the test samples. A configuration chosen by them says nothing "
            f"about new patients any more; choose by {BEST}{_last(text)}"
        )
    parts = text.removeprefix(BEST).split("/")
    if not isinstance(name, str) or not text.startswith(BEST) or len(parts) > 2 or not all(parts):
        raise UserError(
            f"expected {_KEY} to be {BEST}<metric> or {BEST}<level>/<metric>, of the best checkpoint and not "
            f"of the last epoch, found {name!r}; did you mean {BEST}{_last(text)}?"
        )
    if parts[-1] not in METRICS:
        raise UserError(
            f"{_KEY}: expected '{text}' to end with one of {', '.join(METRICS)}.{nearest(parts[-1], METRICS)}"
        )
    return text


def _last(text: str) -> str:
    last = text.rpartition("/")[2]
    return last if last in METRICS else "auroc"
