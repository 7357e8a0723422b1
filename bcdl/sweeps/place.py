"""Which job of a sweep a process is to do, as the override `trial=` says it."""

from dataclasses import dataclass
from typing import Self

TEST = "test"


@dataclass(frozen=True)
class Place:
    """`<try>.<job>`, or `<try>.<job>.test` for a fitted job that is to be tested now.

    Attributes:
        attempt: Optuna's number of the try.
        job: which of its jobs.
        test: whether it is to be tested, and nothing else.

    Example:
        >>> Place.read("3.0.test")
        Place(attempt=3, job=0, test=True)
    """

    attempt: int
    job: int
    test: bool = False

    @classmethod
    def read(cls, text: object) -> Self:
        """Return the place that a configuration's `trial` means."""
        attempt, job, *rest = str(text).split(".")
        return cls(int(attempt), int(job), rest == [TEST])

    def __str__(self) -> str:
        return f"{self.attempt}.{self.job}" + (f".{TEST}" if self.test else "")
