"""Replaces what means an earlier run, such as `latest`, by its id: later it would mean one of the sweep."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from bcdl.errors import UserError

LATEST = "latest"
PREFIXES = {"from": "", "encoder.weights": "run:"}  # keys whose values name a run, and how these begin


def pinned(overrides: Sequence[str], resolve: Callable[[str], str]) -> list[str]:
    """Return overrides that mean the same runs for ever.

    Args:
        overrides: as typed; values that are swept over stay as they are.
        resolve: gives the id of the run that a reference means.

    Raises:
        UserError: `latest` is among values that are swept over.

    Example:
        >>> pinned(["from=latest", "seed=1,2"], lambda reference: "3f2a")
        ['from=3f2a', 'seed=1,2']
    """
    return [_pinned(text, resolve) for text in overrides]


def require_pinned(values: Mapping[str, object]) -> None:
    """Raise `UserError` where one of some values, by key, names the latest run."""
    for key, value in values.items():
        if key in PREFIXES and LATEST in str(value):
            raise UserError(
                f"{key}={value}: '{LATEST}' would mean a run of the sweep itself as soon as there is one; "
                "name the run by its id, which bcdl compare shows"
            )


def earlier_runs(overrides: Iterable[str]) -> list[str]:
    """Return what `from=` names, one run or several that are swept over."""
    typed = [text.partition("=")[2] for text in overrides if text.partition("=")[0].lstrip("+") == "from"]
    words = [word for text in typed for word in text.removeprefix("choice(").strip(")").split(",")]
    return [word for word in (word.strip(" '\"") for word in words) if word not in ("", "null")]


def _pinned(text: str, resolve: Callable[[str], str]) -> str:
    key, _, value = text.partition("=")
    prefix = PREFIXES.get(key.lstrip("+"))
    if prefix is None or value in ("null", ""):
        return text
    if set(value) & set(",("):
        require_pinned({key.lstrip("+"): value})
        return text
    if not value.startswith(prefix):
        return text
    return f"{key}={prefix}{resolve(value.removeprefix(prefix))}"
