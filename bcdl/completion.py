"""`bcdl completion`: shell completion of verbs, options, config groups, choices and keys.

Overrides are completed by Hydra's own engine over the same folders that the verb itself would read.
"""

import argparse
from collections.abc import Iterable
from importlib.resources import files

from bcdl.configs import config_loader, group_choices
from bcdl.parsers import Parser, hydra_parser, option_module, option_parser
from bcdl.verbs import HYDRA_VERBS, OPTION_VERBS, VERBS

SHELLS = ("bash", "zsh", "fish")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    parser.add_argument("shell", choices=SHELLS, help="the shell to complete in")
    parser.add_argument("--complete", metavar="LINE", help=argparse.SUPPRESS)  # what the printed scripts ask


def main(options: argparse.Namespace) -> None:
    """Print a shell's script, or answer it: the completions of a command line, one a line."""
    if options.complete is None:
        print(files("bcdl").joinpath("shells", f"completion.{options.shell}").read_text("utf-8"), end="")
    else:
        print("".join(f"{text}\n" for text in complete(options.complete)), end="")


def complete(line: str) -> list[str]:
    """Return what the last word of a command line can become.

    Args:
        line: the command line up to the cursor, `bcdl` in front; a space at its end begins a new word.
    """
    words = line.split()
    word = "" if not words or line[-1:].isspace() else words.pop()
    verb, *typed = words[1:] or [""]
    if verb in HYDRA_VERBS:
        return _flags(hydra_parser(verb), word) if word.startswith("-") else _overrides(verb, typed, word)
    if verb in OPTION_VERBS:
        return _options(option_parser(verb, option_module(verb)), word)
    return _starting(word, [*VERBS, "--help", "--version"]) if not verb else []


def _overrides(verb: str, typed: list[str], word: str) -> list[str]:
    """Return the completions of an override; of `group=a,b` that of the last choice."""
    options = hydra_parser(verb).parse_intermixed_args(typed)
    key, equals, value = word.partition("=")
    choices = group_choices(options.config_dir).get(key.lstrip("+"))
    if equals and choices is not None:
        kept, comma, last = value.rpartition(",")
        return [f"{key}={kept}{comma}{choice}" for choice in _starting(last, choices)]
    return _groups_and_keys(verb, options, word)


def _groups_and_keys(verb: str, options: argparse.Namespace, word: str) -> list[str]:
    from hydra.plugins.completion_plugin import DefaultCompletionPlugin

    settled = [text for text in options.overrides if "," not in text]  # a sweep gives no single configuration
    engine = DefaultCompletionPlugin(config_loader(options.config_dir))
    found: list[str] = engine._query(verb, " ".join([*settled, word]))
    return found


def _options(parser: Parser, word: str) -> list[str]:
    if word.startswith("-"):
        return _flags(parser, word)
    positionals = [action for action in parser._actions if not action.option_strings]
    return _starting(word, [choice for action in positionals for choice in action.choices or ()])


def _flags(parser: Parser, word: str) -> list[str]:
    shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    long_flags = [flag for action in shown for flag in action.option_strings if flag.startswith("--")]
    return _starting(word, long_flags)


def _starting(word: str, candidates: Iterable[str]) -> list[str]:
    return sorted(name for name in candidates if name.startswith(word))
