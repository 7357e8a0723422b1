"""The help pages: the overview of all verbs, and the page of a verb that composes a configuration."""

from collections.abc import Iterable
from textwrap import wrap

from hydra.core.hydra_config import HydraConfig
from omegaconf import MISSING, DictConfig, MissingMandatoryValue, OmegaConf

from bcdl.configs import compose, group_choices
from bcdl.parsers import examples, hydra_parser
from bcdl.verbs import HYDRA_VERBS, OPTION_VERBS, Verb

_WIDTH = 110


def overview() -> str:
    """Return the page of `bcdl --help`."""
    width = max(map(len, [*HYDRA_VERBS, *OPTION_VERBS]))
    return "\n".join(
        [
            "usage: bcdl VERB ...",
            "",
            "Breast-cancer detection experiments. For research; not a medical device.",
            "",
            "verbs that compose a configuration (group=choice, key=value):",
            *(f"  {name:<{width}}  {verb.summary}" for name, verb in HYDRA_VERBS.items()),
            "",
            "verbs with options:",
            *(f"  {name:<{width}}  {verb.summary}" for name, verb in OPTION_VERBS.items()),
            "",
            "`bcdl VERB --help` shows examples; `bcdl --version` the version.",
        ]
    )


def hydra_page(name: str, overrides: list[str], config_dir: str | None) -> str:
    """Return the help page of a Hydra verb: examples, config groups with their choices, the keys set most.

    Args:
        name: the verb.
        overrides: what was typed beside `--help`; the page shows the configuration that they give.
        config_dir: the user's own config groups.
    """
    cfg = compose(name, overrides, config_dir)
    HydraConfig.instance().set_config(cfg)  # values may refer to it
    parser = hydra_parser(name)
    sections = [examples(HYDRA_VERBS[name]), _groups(cfg, config_dir), _keys(HYDRA_VERBS[name], cfg)]
    parser.epilog = "\n\n".join(sections)
    return parser.format_help()


def _groups(cfg: DictConfig, config_dir: str | None) -> str:
    chosen = {
        group: choice for group, choice in cfg.hydra.runtime.choices.items() if not group.startswith("hydra/")
    }
    known = group_choices(config_dir)
    width = max(map(len, chosen), default=0)
    lines = [
        _entry(group, width, (f"*{name}" if name == choice else name for name in known.get(group, ())))
        for group, choice in reversed(chosen.items())  # Hydra names the last group of the defaults first
    ]
    return "\n".join(["config groups (group=choice; * is what is chosen now):", *lines])


def _entry(group: str, width: int, names: Iterable[str]) -> str:
    indent = " " * (width + 4)
    return "\n".join(
        wrap(" ".join(names), _WIDTH, initial_indent=f"  {group:<{width}}  ", subsequent_indent=indent)
    )


def _keys(verb: Verb, cfg: DictConfig) -> str:
    settings = [(f"{key}={_value(cfg, key)}", meaning) for key, meaning in verb.keys]
    width = max(len(setting) for setting, _ in settings)
    lines = [f"  {setting:<{width}}  {meaning}" for setting, meaning in settings]
    return "\n".join(["keys set most (key=value; --cfg job prints them all):", *lines])


def _value(cfg: DictConfig, key: str) -> str:
    try:
        value = OmegaConf.select(cfg, key, throw_on_missing=True)
    except MissingMandatoryValue:
        return str(MISSING)
    return "null" if value is None else str(value)
