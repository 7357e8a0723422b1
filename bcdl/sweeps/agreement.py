"""Whether a sweep's settings and its space go together."""

from bcdl.errors import UserError
from bcdl.sweeps.settings import CMAES, Settings
from bcdl.sweeps.space import Space

FOLD_KEYS = ("data.folds", "data.fold")


def require_agreement(settings: Settings, space: Space) -> None:
    """Check that a sweep's settings and its space go together.

    Raises:
        UserError: a key is set by both, or the sampler cannot search the space.
    """
    given = {text.partition("=")[0].lstrip("+") for text in space.fixed}
    if settings.seeds is not None and "seed" in space.keys:
        raise UserError(
            f"seed is varied and sweep.seeds={settings.seeds} repeats every configuration with seeds of its "
            "own; leave one out (a fixed seed=... is the first of sweep.seeds)"
        )
    twice = [key for key in FOLD_KEYS if key in {*given, *space.keys}]
    if settings.folds is not None and twice:
        raise UserError(
            f"sweep.folds={settings.folds} sets data.folds and data.fold, found {' and '.join(twice)} as "
            "well; leave that out"
        )
    if settings.sampler == CMAES:
        _require_numbers(space)


def _require_numbers(space: Space) -> None:
    """Check that CMA-ES has what it can search: it leaves choices and conditional keys to chance."""
    numbers = [key for key, each in space.dimensions.items() if each.numeric and key not in space.conditions]
    if len(numbers) < 2:
        raise UserError(
            "sweep=cmaes searches numbers: expected two or more keys with an interval or a range and without "
            f"a condition, found {', '.join(numbers) or 'none'}; use sweep=tpe, which also learns about "
            "choices"
        )
