"""What messages may say of data: of private data neither paths nor ids nor cells, but rows and pseudonyms.

Readers word their messages with `named`, `quoted`, `hinted` and `listed`. These give back what they get,
unless `pseudonyms_only` is in force: then a name is a pseudonym, and a cell is not quoted.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches

from bcdl.errors import nearest

_ALIKE = 0.7  # likeness from which a cell is taken for a misspelt word

Pseudonym = Callable[[str, str], str]  # of a kind of thing and its name
Given = dict[tuple[str, str], str]  # the pseudonyms that messages have used, by kind and name

_IN_FORCE: ContextVar[tuple[Pseudonym, Given] | None] = ContextVar("pseudonyms_only", default=None)


@contextmanager
def pseudonyms_only(pseudonym: Pseudonym) -> Iterator[Given]:
    """Let messages name things by pseudonyms; yield those that were used, which fill up meanwhile."""
    given: Given = {}
    token = _IN_FORCE.set((pseudonym, given))
    try:
        yield given
    finally:
        _IN_FORCE.reset(token)


def named(kind: str, name: object) -> str:
    """Return a name, or its pseudonym.

    Args:
        kind: patient, exam, image or file.
        name: An id, or a file's path in the data set.
    """
    in_force = _IN_FORCE.get()
    if in_force is None:
        return str(name)
    pseudonym, given = in_force
    return given.setdefault((kind, str(name)), pseudonym(kind, str(name)))


def quoted(cell: object, known: Iterable[str] = ()) -> str:
    """Return a cell of a table, a text in quotes, or words that stand for it.

    Args:
        cell: The cell.
        known: Words of which one may be meant: what looks like one of them is no secret.
    """
    if _IN_FORCE.get() is not None and not get_close_matches(str(cell), list(known), 1, _ALIKE):
        return "a value that is not shown (bcdl prepare data.pseudonyms=false shows it)"
    return f"'{cell}'" if isinstance(cell, str) else str(cell)


def hinted(name: str, cells: Iterable[object]) -> str:
    """Return the hint of the cell, or column, nearest to a name; of private data none."""
    return nearest(name, map(str, cells)) if _IN_FORCE.get() is None else ""


def listed(columns: Iterable[object], known: Collection[str]) -> str:
    """Return the names of columns; of private data the known ones, as a first row may be taken for names.

    Args:
        columns: The names.
        known: Those that the format has.
    """
    names = [str(name) for name in columns]
    if _IN_FORCE.get() is None:
        return ", ".join(names)
    shown = [name for name in names if name in known]
    others = len(names) - len(shown)
    return ", ".join([*shown, f"{others} of other names"] if others else shown)
