"""Under which condition a key is varied at all: `model.state` only where `model=cnn_rnn`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import Override

from bcdl.errors import UserError, nearest
from bcdl.sweeps.dimension import Dimension, Value, meaning
from bcdl.sweeps.written import name_of, parsed

_KEY = "sweep.when"


@dataclass(frozen=True)
class Condition:
    """What another key must be.

    Attributes:
        key: the other key.
        values: those of its values that will do.
    """

    key: str
    values: tuple[Value, ...]

    def holds(self, point: Mapping[str, Value]) -> bool:
        """Return whether a configuration, as far as it is chosen, meets the condition."""
        return self.key in point and point[self.key] in self.values

    def __str__(self) -> str:
        return f"{self.key}={','.join(map(str, self.values))}"


def conditions(
    when: Mapping[str, Any], dimensions: Mapping[str, Dimension], fixed: Mapping[str, str]
) -> dict[str, Condition]:
    """Return the condition of each key that has one which does not hold anyway.

    Args:
        when: conditions as written, by key.
        dimensions: what varies, by key.
        fixed: the meaning of each value that does not vary, by key.

    Raises:
        UserError: a key is unknown, a condition is unreadable or can never hold, or keys wait for each other.
    """
    found = {}
    for key, text in when.items():
        name = key.lstrip("+")
        _require_known(name, f"{_KEY} has '{name}'", [*dimensions, *fixed])
        condition = _condition(name, text, dimensions, fixed)
        if condition is not None:
            found[name] = condition
    _require_order(found)
    return found


def ordered(keys: Mapping[str, Any], needed: Mapping[str, Condition]) -> tuple[str, ...]:
    """Return keys in their order, but each after the one on which its condition depends."""
    found: dict[str, None] = {}
    for key in keys:
        for each in reversed([key, *ancestors(key, needed)]):
            found[each] = None
    return tuple(found)


def ancestors(key: str, needed: Mapping[str, Condition]) -> list[str]:
    """Return the key on which a key's condition depends, the one on which that one's depends, and so on."""
    found: list[str] = []
    while key in needed:
        key = needed[key].key
        if key in found:
            return [*found, key]
        found.append(key)
    return found


def _condition(
    name: str, text: object, dimensions: Mapping[str, Dimension], fixed: Mapping[str, str]
) -> Condition | None:
    """Return a condition on a key that varies; None for one that a fixed value meets."""
    override = _read(name, text)
    other, wanted = name_of(override), _wanted(override)
    _require_known(other, f"{_KEY}: '{name}' depends on '{other}'", [*dimensions, *fixed])
    if other not in dimensions:
        if fixed[other] not in wanted:
            raise _never(name, text, f"{other} is {fixed[other]}")
        return None
    values = [value for each in wanted if (value := dimensions[other].equal_to(each)) is not None]
    if not values:
        raise _never(name, text, f"{other} is varied over {dimensions[other]}")
    return Condition(other, tuple(values))


def _read(name: str, text: object) -> Override:
    expected = f"{_KEY}: expected a condition such as 'model=cnn_rnn' for '{name}', found '{text}'"
    if not isinstance(text, str) or "=" not in text:
        raise UserError(expected)
    override = parsed(text)
    if override.is_interval_sweep() or override.is_delete():
        raise UserError(f"{expected}; give values, several of them by comma")
    return override


def _wanted(override: Override) -> list[str]:
    if override.is_discrete_sweep():
        return [meaning(element) for element in override.sweep_iterator()]
    return [meaning(override._value)]


def _require_known(key: str, found: str, known: list[str]) -> None:
    if key not in known:
        raise UserError(
            f"{found}, which is neither varied nor given.{nearest(key, known)} Give it a value on the "
            f"command line or in sweep.space; there are: {', '.join(known) or 'none'}"
        )


def _require_order(needed: Mapping[str, Condition]) -> None:
    for key in needed:
        chain = ancestors(key, needed)
        if key in chain:
            told = " -> ".join([key, *chain[: chain.index(key) + 1]])
            raise UserError(
                f"{_KEY}: expected an order in which keys are chosen, found a circle: {told}; break it"
            )


def _never(name: str, text: object, found: str) -> UserError:
    return UserError(
        f"{_KEY}: '{name}' is varied only where {text}, which can never be: {found}. Correct the condition, "
        f"or leave '{name}' out of the space and of {_KEY}"
    )
