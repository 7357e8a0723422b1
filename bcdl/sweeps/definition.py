"""What identifies a sweep: a sweep that goes on must have the same, or it would be another one."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bcdl.sweeps.agreement import require_agreement
from bcdl.sweeps.prune import Prune
from bcdl.sweeps.settings import Settings
from bcdl.sweeps.space import Space
from bcdl.tracking.places import names_place

FREE = ("hydra", "sweep", "tracking", "trial")  # nodes whose overrides do not make another sweep of it

_KNOBS = {
    "median": ("startup", "warmup"),
    "percentile": ("startup", "warmup", "percentile"),
    "hyperband": ("warmup",),
}


def definition(
    settings: Settings, space: Space, overrides: Sequence[str], config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what identifies a sweep, as JSON can hold it.

    Args:
        settings: its settings.
        space: its space.
        overrides: how it was asked for; those that do not vary are part of it.
        config: what they compose, so that a change of a study's file or of a default is seen.

    Raises:
        UserError: settings and space contradict each other.
    """
    require_agreement(settings, space)
    given = [text for text in [*overrides, *space.fixed] if _belongs(text, space)]
    return {
        "sampler": settings.sampler,
        "space": space.describe(),
        "fixed": {_key(text): text.partition("=")[2] for text in given},
        "n_trials": settings.n_trials,
        "folds": settings.folds,
        "seeds": settings.seeds,
        "objectives": list(settings.objectives),
        "prune": _prune(settings.prune),
        "seed": settings.seed,
        "config": _flat({key: each for key, each in (config or {}).items() if key not in FREE}, space.keys),
    }


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return what tells one definition from another, a line each: `- <old>`, `+ <new>`.

    More trials do not make another sweep. Files of data are masked.
    """
    lines: list[str] = []
    for name in ("space", "fixed"):
        lines += _changed(old.get(name, {}), new[name])
    if not lines and list(old.get("space", {})) != list(new["space"]):
        lines += [f"- order: {', '.join(old['space'])}", f"+ order: {', '.join(new['space'])}"]
    plain = [name for name in new if name not in ("space", "fixed", "n_trials", "config")]
    settings = [{f"sweep.{name}": _shown(each.get(name)) for name in plain} for each in (old, new)]
    lines += _changed(settings[0], settings[1])
    if not lines:
        lines = _changed(old.get("config", {}), new.get("config", {}))
    return lines + _fewer(old.get("n_trials"), new["n_trials"])


def shown(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition as others may read it: without files and folders of data."""
    tables = {
        name: {key: _masked(key, text) for key, text in definition[name].items()}
        for name in ("space", "fixed", "config")
    }
    return {**definition, **tables}


def _flat(values: Mapping[str, Any], without: Sequence[str], before: str = "") -> dict[str, str]:
    """Return the values of a configuration by dotted key, as texts, but for those that a sweep varies."""
    found: dict[str, str] = {}
    for name, value in values.items():
        key = f"{before}{name}"
        if key in without:
            continue
        found |= _flat(value, without, f"{key}.") if isinstance(value, Mapping) else {key: str(value)}
    return found


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    lines = []
    for key in [*old, *(key for key in new if key not in old)]:
        if old.get(key) != new.get(key):
            lines += [
                f"{mark} {key}: {_masked(key, each[key])}"
                for mark, each in (("-", old), ("+", new))
                if key in each
            ]
    return lines


def _fewer(old: int | None, new: int | None) -> list[str]:
    if old == new or (old is not None and new is not None and new > old):
        return []
    return [f"- sweep.n_trials: {_shown(old)}", f"+ sweep.n_trials: {_shown(new)}"]


def _masked(key: str, text: str) -> str:
    return "***" if names_place(key) else text


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={each}" for key, each in value.items())
    return "null" if value is None else str(value)


def _belongs(text: str, space: Space) -> bool:
    key = _key(text)
    return key not in space.keys and key.replace("/", ".").partition(".")[0] not in FREE


def _key(text: str) -> str:
    return text.partition("=")[0].lstrip("+")


def _prune(prune: Prune) -> dict[str, Any] | None:
    """Return the settings that the pruner reads, None where nothing is pruned."""
    if prune.by is None:
        return None
    values = asdict(prune)
    return {name: values[name] for name in ("by", *_KNOBS[prune.by])}
