"""Where the configuration lies, and which choices each config group offers.

Nothing of the working directory is looked at, except the folder that a user names with `--config-dir`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from bcdl.errors import UserError

if TYPE_CHECKING:
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from omegaconf import DictConfig

STUDIES = "experiments"
"""The group of the studies: its choices are `<study>/<file>`."""

HYDRA_VERSION_BASE = "1.3"


def config_folder() -> Path:
    """Return the folder of the primary configs and config groups.

    A checkout comes first: an editable install also holds a copy of `conf/`, as old as the installation.
    """
    package = Path(__file__).parent
    checkout = package.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "conf" / "train.yaml").is_file():
        return checkout / "conf"
    return package / "_conf"


def extra_folder(config_dir: str | None) -> Path | None:
    """Return the absolute folder of `--config-dir`, None where none was given.

    Raises:
        UserError: if there is no such folder.
    """
    if config_dir is None:
        return None
    folder = Path(config_dir).absolute()
    if not folder.is_dir():
        raise UserError(f"--config-dir: expected a folder of config groups, found none at {folder}")
    return folder


def config_loader(config_dir: str | None = None) -> "ConfigLoaderImpl":
    """Return Hydra's loader over `conf/` and the user's own folder, as a verb sees them."""
    from hydra import version
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.utils import create_config_search_path
    from hydra.core.config_search_path import SearchPathQuery
    from hydra.core.utils import setup_globals

    version.setbase(HYDRA_VERSION_BASE)
    setup_globals()
    search_path = create_config_search_path(str(config_folder()))
    extra = extra_folder(config_dir)
    if extra is not None:
        search_path.prepend("command-line", f"file://{extra}", SearchPathQuery(provider="schema"))
    return ConfigLoaderImpl(search_path)


def compose(verb: str, overrides: list[str], config_dir: str | None = None) -> "DictConfig":
    """Return the configuration of a verb with Hydra's own part, without running anything."""
    from hydra.types import RunMode

    return config_loader(config_dir).load_configuration(verb, overrides, RunMode.RUN)


def group_choices(config_dir: str | None = None) -> dict[str, dict[str, Path]]:
    """Return every config group with its choices and their files; a leading underscore hides a name."""
    groups: dict[str, dict[str, Path]] = {}
    extra = extra_folder(config_dir)
    for folder in [config_folder(), *([extra] if extra is not None else [])]:
        for path in sorted(folder.glob("*/**/*.yaml")):
            parts = path.relative_to(folder).with_suffix("").parts
            if not any(part.startswith(("_", ".")) for part in parts):
                group, choice = _group_and_choice(parts)
                groups.setdefault(group, {}).setdefault(choice, path)
    return dict(sorted(groups.items()))


def _group_and_choice(parts: tuple[str, ...]) -> tuple[str, str]:
    depth = 1 if parts[0] == STUDIES else len(parts) - 1
    return "/".join(parts[:depth]), "/".join(parts[depth:])
