"""From Hydra's sweep grammar, as parsed, to what a key is varied over."""

import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, Override, RangeSweep

from bcdl.errors import UserError, nearest
from bcdl.sweeps.dimension import Choice, Dimension, Interval, Range

GroupChoices = Callable[[str], Iterable[str]]

LOG = "log"
LONGEST = 100_000  # numbers of a range


def dimension(override: Override, key: str, choices: GroupChoices | None) -> Dimension:
    """Return what a swept override varies its key over.

    Args:
        override: as parsed.
        key: its key, for messages.
        choices: gives the choices of a config group, for `glob`.

    Raises:
        UserError: there is nothing to vary over, or Optuna cannot.
    """
    swept: Any = override.value()
    log = _is_log(getattr(swept, "tags", set()), key)
    match swept:
        case ChoiceSweep():
            if log:
                raise UserError(
                    f"{key}: tag(log, …) goes with an interval or a range of whole numbers, found a choice"
                )
            return Choice.of(_in_order(swept.list, swept.shuffle, key), key)
        case Glob():
            return Choice.of(_matching(swept, override.key_or_group, choices), key)
        case RangeSweep():
            return _range(swept, key, log)
        case IntervalSweep():
            return _interval(swept, key, log)
    raise UserError(f"{key}: expected a choice, a range or an interval, found '{override.input_line}'")


def _is_log(tags: set[str], key: str) -> bool:
    unknown = sorted(tags - {LOG})
    if unknown:
        raise UserError(
            f"{key}: the only tag is log, found {unknown[0]}; write tag(log, interval(1e-5,1e-2))"
        )
    return LOG in tags


def _in_order(values: Sequence[Any], shuffled: bool, key: str) -> Sequence[Any]:
    """Return values in their order, or in a random one that a resumed sweep meets again."""
    if not shuffled:
        return values
    drawn = list(values)
    random.Random(key).shuffle(drawn)
    return drawn


def _matching(glob: Glob, group: str, choices: GroupChoices | None) -> list[str]:
    names = [name for name in (choices(group) if choices else ()) if not name.startswith("_")]
    found: list[str] = glob.filter(names)
    if not names:
        raise UserError(f"{group}: glob(…) lists the choices of a config group, and '{group}' is none")
    if not found:
        wanted = ", ".join(glob.include)
        raise UserError(
            f"{group}: no choice matches {wanted}.{nearest(wanted, names)} Choices: {', '.join(names)}"
        )
    return found


def _range(swept: RangeSweep, key: str, log: bool) -> Range:
    written = f"range({swept.start},{swept.stop},{swept.step})"
    start, stop, step = swept.start or 0, swept.stop or 0, swept.step
    _require_finite(key, written, start, stop, step)
    if step == 0 or not (stop - start) / step > 0:
        raise UserError(
            f"{key}: {written} holds no number; the stop must lie beyond the start, in the step's direction"
        )
    whole = isinstance(start, int) and isinstance(stop, int) and isinstance(step, int)
    if (stop - start) / step > LONGEST:
        raise UserError(f"{key}: {written} holds more than {LONGEST} numbers; write interval({start},{stop})")
    if log:
        _require_log_range(key, written, min(start, stop), whole and abs(step) == 1)
    numbers = tuple(swept.range())
    spacing = abs(step) if whole else float(abs(step))
    text = f"shuffle({written})" if swept.shuffle else written
    return Range(_in_order(numbers, swept.shuffle, key), min(numbers), spacing, log, text)


def _require_log_range(key: str, written: str, low: float, unit_steps: bool) -> None:
    if not unit_steps:
        raise UserError(
            f"{key}: tag(log, {written}) has steps other than 1, which a logarithmic scale does not have; "
            "use an interval"
        )
    _require_positive(key, written, low)


def _interval(swept: IntervalSweep, key: str, log: bool) -> Interval:
    written = f"interval({swept.start},{swept.end})"
    if swept.start is None or swept.end is None:
        raise UserError(f"{key}: expected interval(start,end)")
    _require_finite(key, written, swept.start, swept.end)
    if not swept.start < swept.end:
        raise UserError(f"{key}: {written} is empty; its start must be below its end")
    if log:
        _require_positive(key, written, swept.start)
    return Interval(swept.start, swept.end, log)


def _require_finite(key: str, written: str, *numbers: float) -> None:
    if not all(map(math.isfinite, numbers)):
        raise UserError(f"{key}: expected finite numbers, found {written}")


def _require_positive(key: str, written: str, low: float) -> None:
    if low <= 0:
        raise UserError(
            f"{key}: a logarithmic scale has no 0 and nothing below, found tag(log, {written}); begin above "
            "0, such as at 1e-6, or leave tag(log, …) out"
        )
