"""Reads the keys of a node of the configuration, and says which value one of them should have had."""

import math
from collections.abc import Collection, Mapping
from typing import Any, Self

from omegaconf import OmegaConf

from bcdl.errors import UserError, nearest


class Knobs:
    """The keys of one node, to be read by type.

    Args:
        values: plain values by key.
        place: dotted path of the node.
        known: the keys that it has.

    Raises:
        UserError: a key is missing or unknown.
    """

    def __init__(self, values: Mapping[str, Any], place: str, known: Collection[str]) -> None:
        self._values, self._place = values, place
        for key in values:
            if key not in known:
                raise UserError(
                    f"{place} has no key '{key}'.{nearest(str(key), known)} Its keys: {', '.join(known)}"
                )
        missing = [key for key in known if key not in values]
        if missing:
            raise UserError(
                f"expected a value for {', '.join(f'{place}.{key}' for key in missing)}, found none; a YAML "
                "of your own in sweep/ begins with `defaults: [_shared, _self_]`"
            )

    def node(self, key: str, known: Collection[str]) -> Self:
        """Return the keys of a node below."""
        value = self._values[key]
        if not isinstance(value, Mapping):
            raise self._error(key, f"a node with the keys {', '.join(known)}", value)
        return type(self)(value, f"{self._place}.{key}", known)

    def integer(self, key: str, least: int) -> int:
        """Return a whole number from `least` on."""
        value = self._values[key]
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self._error(key, f"a whole number of at least {least}", value)
        return value

    def integer_or_none(self, key: str, least: int) -> int | None:
        """Return a whole number from `least` on, or None for null."""
        value = self._values[key]
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self._error(key, f"null or a whole number of at least {least}", value)
        return value

    def number(self, key: str, low: float, high: float = math.inf) -> float:
        """Return a number between two others, these left out."""
        value = self._values[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low < value < high:
            below = f" and below {high:g}" if high < math.inf else ""
            raise self._error(key, f"a number above {low:g}{below}", value)
        return float(value)

    def flag(self, key: str) -> bool:
        """Return true or false."""
        value = self._values[key]
        if not isinstance(value, bool):
            raise self._error(key, "true or false", value)
        return value

    def word(self, key: str, words: Collection[str]) -> str:
        """Return one of some words."""
        value = self._values[key]
        if value not in words:
            raise self._error(key, f"one of {', '.join(words)}", value, nearest(str(value), words))
        return str(value)

    def word_or_none(self, key: str, words: Collection[str]) -> str | None:
        """Return one of some words, or None for null."""
        value = self._values[key]
        if value is None:
            return None
        if value not in words:
            raise self._error(key, f"null or one of {', '.join(words)}", value, nearest(str(value), words))
        return str(value)

    def text_or_none(self, key: str) -> str | None:
        """Return a text that is not empty, or None for null."""
        value = self._values[key]
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self._error(key, "null or a text", value)
        return value

    def plain(self, key: str) -> Any:  # noqa: ANN401 - whatever stands there
        """Return a value as it stands."""
        return self._values[key]

    def table(self, key: str) -> dict[str, Any]:
        """Return a mapping with dotted keys: `{optimizer: {lr: …}}` means the same as `{optimizer.lr: …}`."""
        value = self._values[key]
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self._error(key, "a mapping such as {optimizer.lr: '1e-4,1e-3'}", value)
        return _dotted(value)

    def _error(self, key: str, expected: str, value: object, hint: str = "") -> UserError:
        shown = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
        return UserError(f"expected {self._place}.{key} to be {expected}, found {shown}.{hint}")


def plain(node: Any) -> Any:  # noqa: ANN401 - a node of the configuration, or a value in its place
    """Return a node as plain values, with every reference resolved."""
    return (
        OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
        if OmegaConf.is_config(node)
        else node
    )


def _dotted(values: Mapping[Any, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        path = f"{before}{key}"
        found |= _dotted(value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return found
