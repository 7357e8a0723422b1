"""`bcdl list`: every config group and its choices, or one group's choices with what each is."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from bcdl.configs import group_choices
from bcdl.errors import UserError, nearest


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    parser.add_argument("group", nargs="?", help="show the choices of this group only, with what they are")
    parser.add_argument("-cd", "--config-dir", metavar="DIR", help="a folder with config groups of your own")


def main(options: argparse.Namespace) -> None:
    """Print the groups, or the choices of one."""
    groups = group_choices(options.config_dir)
    if options.group is None:
        lines = {group: ", ".join(choices) for group, choices in groups.items()}
    elif options.group in groups:
        lines = {choice: description(path) for choice, path in groups[options.group].items()}
    else:
        hint = nearest(options.group, groups)
        raise UserError(f"no config group '{options.group}'.{hint} Groups: {', '.join(groups)}")
    print("\n".join(_aligned(lines)))


def description(path: Path) -> str:
    """Return the first comment line of a YAML, without Hydra's `@package` line; empty where there is none."""
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.lstrip("#").strip()
        if line.startswith("#") and text and not text.startswith("@package"):
            return text
    return ""


def _aligned(lines: dict[str, str]) -> Iterator[str]:
    width = max(map(len, lines), default=0)
    return (f"{name:<{width}}  {text}".rstrip() for name, text in lines.items())
