"""From what Hydra and OmegaConf raise to what a user can act on."""

import re
from collections.abc import Iterator

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from bcdl.configs import STUDIES, group_choices
from bcdl.errors import UserError, nearest

_NO_GROUP = re.compile(r"Could not override '([^']+)'\. No match in the defaults list")
_BAD_ARGUMENTS = (TypeError, ValueError, ImportError)


def explained(error: BaseException, command: str) -> UserError | None:
    """Return the user's mistake behind an error of composing or building; None for other errors.

    Args:
        error: what was raised.
        command: the command as typed so far, such as `bcdl train`, for the remedy.
    """
    match error:
        case MissingConfigException(options=options, missing_cfg_file=str(name)) if options:
            group, _, choice = name.rpartition("/")
            return _unknown_choice(group, choice, list(options))
        case MissingConfigException(missing_cfg_file=str(name)) if name.startswith(f"{STUDIES}/"):
            choice = name.removeprefix(f"{STUDIES}/")
            return _unknown_choice(STUDIES, choice, list(group_choices()[STUDIES]))
        case OverrideParseException():
            return _unreadable(error)
        case InstantiationException():
            return _unbuildable(error) if isinstance(error.__cause__, _BAD_ARGUMENTS) else None
        case ConfigCompositionException() if found := _NO_GROUP.match(str(error)):
            return _unknown_group(found[1], command)
        case HydraException(__cause__=ConfigAttributeError() | ConfigKeyError() as cause):
            return _unknown_key(cause, command)
        case HydraException():
            return UserError("\n".join(filter(None, [str(error).strip(), _text(error.__cause__)])))
        case MissingMandatoryValue() | InterpolationResolutionError():
            return UserError(f"the configuration does not resolve: {_text(error)}")
    return None


def check_values(cfg: DictConfig, command: str) -> None:
    """Check that every key has a value and every reference leads somewhere.

    Raises:
        UserError: naming all keys without a value.
        InterpolationResolutionError: for a reference that does not resolve.
    """
    missing = [path for path, value in _values(cfg) if value == MISSING]
    if missing:
        example = " ".join(f"{path}=<value>" for path in missing)
        raise UserError(f"expected a value for {', '.join(missing)}, found none: {command} {example}")
    OmegaConf.to_container(cfg, resolve=True)


def _unknown_choice(group: str, choice: str, options: list[str]) -> UserError:
    listed = ", ".join(option for option in options if not option.startswith("_"))
    return UserError(
        f"no '{choice}' in the config group '{group}'.{nearest(choice, options)} Choices: {listed}"
    )


def _unknown_group(group: str, command: str) -> UserError:
    return UserError(
        f"the configuration of `{command}` has no config group '{group}'; `{command} --help` lists its groups"
    )


def _unreadable(error: OverrideParseException) -> UserError:
    if "=" not in error.override:
        return UserError(f"expected group=choice or key=value, found '{error.override}'")
    return UserError(
        f"cannot read the override '{error.override}'. Write key=value, key=[a,b] for a list, "
        "and quote a value that holds spaces, commas, brackets or =: 'key=\"a, b\"'"
    )


def _unbuildable(error: InstantiationException) -> UserError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return UserError("cannot build what the configuration names: " + "; ".join(lines))


def _unknown_key(error: OmegaConfBaseException, command: str) -> UserError:
    key = str(error.full_key)
    root = error.parent_node._get_root() if error.parent_node is not None else DictConfig({})
    hint = _nearest_key(key, [path for path, _ in _values(root)])
    return UserError(
        f"the configuration has no key '{key}'.{hint} "
        f"`{command} --cfg job` prints all keys; +{key}=... adds a new one"
    )


def _nearest_key(key: str, keys: list[str]) -> str:
    """Return the hint of the key meant: one of the same last name in another place, else the most similar."""
    keys = [known for known in keys if not key.startswith(f"{known}.")]
    namesakes = [known for known in keys if known.rpartition(".")[2] == key.rpartition(".")[2]]
    return f" Did you mean '{namesakes[0]}'?" if namesakes else nearest(key, keys)


def _values(node: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield every dotted key below a node with its unresolved value; Hydra's own part is left out."""
    if not isinstance(node, DictConfig) or node._is_none() or node._is_missing():
        return
    for key, value in node.items_ex(resolve=False):
        path = f"{prefix}{key!s}"
        if path != "hydra":
            yield path, value
            yield from _values(value, f"{path}.")


def _text(error: BaseException | None) -> str:
    return " ".join(str(error).split()) if isinstance(error, OmegaConfBaseException) else ""
