"""The errors that reach a user as one clear message, and the hint of a nearest name.

Every other exception is a bug or an accident and keeps its traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A user's mistake: the message says what was expected, what was found and what to do (exit code 2)."""


class NoDataError(UserError):
    """What data are read from is not there; what is there but wrong is another `UserError`."""


class RunError(Exception):
    """A run that cannot go on: the message says why and what to change (exit code 1)."""


class SweepError(RunError):
    """A sweep of which trials failed; the message names each."""


class FindingsError(RunError):
    """An audit found what it is told not to let pass (exit code 3)."""


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return the hint `" Did you mean 'x'?"` for the choice nearest to `name`, or an empty string."""
    matches = get_close_matches(name, list(choices), n=1, cutoff=0.5)
    return f" Did you mean '{matches[0]}'?" if matches else ""
