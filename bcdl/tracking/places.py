"""Where a user's files lie, and passwords: what stays out of parameters, tags and recorded commands.

A run's `config.yaml` and `overrides.yaml` hold the places, because the run could not be repeated without. A
password in an address is never recorded anywhere.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

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
VARIABLE = "BCDL_DATA"  # folder of the data sets
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


def typed_places(words: Iterable[str]) -> dict[str, str]:
    """Return the files and folders of data that a command's words name, by key."""
    split = ((key.lstrip("+"), word.partition("=")[2]) for word, key, _ in map(_split, words))
    return {key: place for key, place in split if names_place(key)}


def configured(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the files and folders of data of a resolved configuration, by key.

    Args:
        config: the configuration as plain values, all of it.

    Example:
        >>> configured({"data": {"root": "/patients", "stores": {"a": "/stores/a"}, "size": 28}})
        {'data.root': '/patients', 'data.stores.a': '/stores/a'}
    """
    return {
        key: value
        for key, value in _leaves("data", config.get("data"))
        if names_place(key) and isinstance(value, str)
    }


def without_places(text: str, places: Mapping[str, str]) -> str:
    """Return a message with the key in place of each file and folder of data, and of `$BCDL_DATA`.

    Only whole paths are replaced, and what lies in them.

    Args:
        text: the message.
        places: files and folders, by key.
    """
    known = {**places, VARIABLE: os.environ.get(VARIABLE, "")}
    forms = [(form, key) for key, place in known.items() for form in _forms(place)]
    for form, key in sorted(forms, key=lambda pair: len(pair[0]), reverse=True):
        text = re.sub(_whole(form, key), f"<{key}>".replace("\\", "/"), text)
    return text


def _forms(place: str) -> set[str]:
    """Return how a place is written in messages: as it was given, and from the root."""
    bare = place.strip("'\"").rstrip("/")
    if not re.search(r"\w", bare) or bare in ("null", "None"):
        return set()
    return {bare} if "://" in bare else {bare, str(Path(bare).absolute())}


def _whole(place: str, key: str) -> str:
    """Return the pattern of a whole path; a word of the key itself, as `data`, is one only before a `/`."""
    behind = "(?=/)" if place in key.split(".") else r"(?![\w=-]|\.\w)"
    return rf"(?<![\w.-])(?<!\w/){re.escape(place)}{behind}"


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any value of a YAML
    branches = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(branches, Mapping):
        yield key, value
        return
    for name, branch in branches.items():
        yield from _leaves(f"{key}.{name}", branch)


def parameters(overrides: Iterable[str]) -> dict[str, str]:
    """Return the values of overrides by key, but for files and folders of data."""
    split = (override.lstrip("+").split("=", 1) for override in overrides if "=" in override)
    return {key: value for key, value in split if not names_place(key)}


def _split(word: str) -> tuple[str, str, str]:
    key, mark, _ = word.partition("=")
    return word, key, mark
