"""Where a user's files lie, and passwords: what stays out of parameters, tags and recorded commands.

A run's `config.yaml` and `overrides.yaml` hold the places, because the run could not be repeated without. A
password in an address is never recorded anywhere.
"""

import re
from collections.abc import Iterable

PLACES = (
    "data.root",
    "data.path",
    "data.labels",
    "data.findings",
    "data.store",
    "data.stores",
    "data.pseudonym_key",
    "tracking.root",
)
_PASSWORD = re.compile(
    r"(\b[A-Za-z][\w+.-]*://[^\s:/@'\"]*:)[^\s/'\"]+(?=@)"
)  # of scheme://user:password@host


def names_place(key: str) -> bool:
    """Return whether a key, of an override with its `+`, holds a file or folder of data."""
    name = key.lstrip("+")
    return any(name == place or name.startswith(f"{place}.") for place in PLACES)


def masked(words: Iterable[str]) -> list[str]:
    """Return the words of a command with `***` in place of files and folders of data, and of passwords."""
    return [
        f"{key}=***" if names_place(key) and mark else without_passwords(word)
        for word, key, mark in map(_split, words)
    ]


def without_passwords(text: str) -> str:
    """Return a text with `***` in place of each password in an address.

    Example:
        >>> without_passwords("sweep.storage=postgresql://reader:secret@host/optuna")
        'sweep.storage=postgresql://reader:***@host/optuna'
    """
    return _PASSWORD.sub(r"\1***", text)


def without_places(text: str, words: Iterable[str]) -> str:
    """Return a message with the key in place of each file and folder of data that a command's words name."""
    split = [(key, word.partition("=")[2]) for word, key, _ in map(_split, words) if names_place(key)]
    for key, place in sorted(split, key=lambda pair: len(pair[1]), reverse=True):
        text = text.replace(place, f"<{key.lstrip('+')}>") if len(place) > 1 else text
    return text


def parameters(overrides: Iterable[str]) -> dict[str, str]:
    """Return the values of overrides by key, but for files and folders of data."""
    split = (override.lstrip("+").split("=", 1) for override in overrides if "=" in override)
    return {key: value for key, value in split if not names_place(key)}


def _split(word: str) -> tuple[str, str, str]:
    key, mark, _ = word.partition("=")
    return word, key, mark
