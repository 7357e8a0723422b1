"""Replaces what means an earlier run, such as `latest`, by its id: later it would mean one of the sweep."""

from collections.abc import Callable, Sequence

PREFIXES = {"from": "", "encoder.weights": "run:"}  # keys whose values name a run, and how these begin


def pinned(overrides: Sequence[str], resolve: Callable[[str], str]) -> list[str]:
    """Return overrides that mean the same runs for ever.

    Args:
        overrides: as typed; values that are swept over stay as they are.
        resolve: gives the id of the run that a reference means.

    Example:
        >>> pinned(["from=latest", "seed=1,2"], lambda reference: "3f2a")
        ['from=3f2a', 'seed=1,2']
    """
    return [_pinned(text, resolve) for text in overrides]


def _pinned(text: str, resolve: Callable[[str], str]) -> str:
    key, _, value = text.partition("=")
    prefix = PREFIXES.get(key.lstrip("+"))
    if prefix is None or not value.startswith(prefix) or value in ("null", "") or set(value) & set(",("):
        return text
    return f"{key}={prefix}{resolve(value.removeprefix(prefix))}"
