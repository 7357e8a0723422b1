"""Overrides as a person types them: what is a text but would read as a number, or hold an `=`, is quoted."""

import re

_RUNS = ("run", "resume", "from", "evaluate.runs")  # ids are hexadecimal: 3e42 would be a number
_GOALS = ("operating_point", "evaluate.operating_points")  # such as sensitivity=0.9
_START, _END = r"(^|[,\[]\s*)", r"(?=\s*(?:$|[,\]]))"  # of one value among several
_ID = re.compile(rf"{_START}(\d+(?:e\d+)?){_END}")
_GOAL = re.compile(rf"{_START}(\w+=[\w.]+){_END}")


def quoted(override: str) -> str:
    """Return an override whose runs and goals are in quotes where Hydra's grammar needs them.

    Args:
        override: such as `run=3e42` or `operating_point=sensitivity=0.9`; others stay as they are.
    """
    key, separator, value = override.partition("=")
    name = key.lstrip("+")
    if name in _RUNS:
        return f"{key}{separator}{_ID.sub(_in_quotes, value)}"
    if name in _GOALS:
        return f"{key}{separator}{_GOAL.sub(_in_quotes, value)}"
    return override


def _in_quotes(found: re.Match[str]) -> str:
    return f'{found[1]}"{found[2]}"'
