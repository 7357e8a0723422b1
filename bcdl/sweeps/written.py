"""What a user wrote of a sweep, as Hydra's overrides: the command line and a study's `sweep.space`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from bcdl.errors import UserError
from bcdl.sweeps.dimension import text_of

APART = ("hydra", "sweep", "tracking", "trial")  # nodes of which a sweep has one value


def parsed(text: str) -> Override:
    """Return a text as an override.

    Raises:
        UserError: it is none.
    """
    try:
        return OverridesParser.create().parse_override(text)
    except HydraException as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"cannot read '{text}' as an override ({reason}). Write key=value, key=a,b, key=choice(a,b), "
            "key=range(start,stop,step), key=interval(low,high) or key=tag(log,interval(low,high)), and "
            "quote a value that holds spaces, commas or brackets"
        ) from error


def name_of(override: Override) -> str:
    """Return the key of an override without `+` and `~`."""
    return override.get_key_element().lstrip("+~")


def written(typed: Sequence[str], space: Mapping[str, Any]) -> list[Override]:
    """Return all overrides of a sweep: those of the study's space, then those of the command line, which win.

    Args:
        typed: the command line's.
        space: the study's: text in Hydra's grammar, a list of values, or one value; by dotted key.

    Raises:
        UserError: one cannot be read, varies what a sweep has one value of, or contradicts another.
    """
    given = [override for text in typed if not (override := parsed(text)).is_hydra_override()]
    of_study = [parsed(f"{key}={_text(key, value)}") for key, value in space.items()]
    for each in (given, of_study):
        _require_one_each(each)
    found: dict[str, list[Override]] = {name_of(override): [override] for override in of_study}
    for name in dict.fromkeys(map(name_of, given)):
        found[name] = [override for override in given if name_of(override) == name]
    every = [override for overrides in found.values() for override in overrides]
    _require_sweepable(every)
    return every


def _text(key: str, value: Any) -> str:  # noqa: ANN401 - whatever a YAML holds
    """Return what stands for a value of `sweep.space` in Hydra's grammar."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        if not value:
            raise UserError(
                f"sweep.space: expected values for '{key}', found an empty list; leave the key out"
            )
        texts = [text_of(each) for each in value]
        return ",".join(texts) if len(texts) > 1 or value == [None] else f"choice({texts[0]})"
    return text_of(value)


def _require_one_each(overrides: Iterable[Override]) -> None:
    """Check that a swept key stands once; of fixed values Hydra takes the last."""
    seen: dict[str, Override] = {}
    for override in overrides:
        before = seen.setdefault(name_of(override), override)
        if before is not override and (before.is_sweep_override() or override.is_sweep_override()):
            raise UserError(
                f"expected one set of values for '{name_of(override)}', found '{before.input_line}' and "
                f"'{override.input_line}'; leave one out"
            )


def _require_sweepable(overrides: Iterable[Override]) -> None:
    for override in overrides:
        node = name_of(override).replace("/", ".").partition(".")[0]
        if override.is_sweep_override() and (node in APART or override.is_delete()):
            what = f"{node}" if node in APART else "leaving a key out"
            raise UserError(
                f"'{override.input_line}' varies {what}, of which a sweep has one value; begin a sweep for "
                "each"
            )
