"""The argument parsers of the verbs: Hydra's overrides and flags for some, ordinary options for others."""

import argparse
from importlib import import_module
from typing import NoReturn, Protocol, cast

from bcdl.errors import UserError
from bcdl.quoting import quoted
from bcdl.verbs import HYDRA_VERBS, OPTION_VERBS, Verb

_CFG = ["job", "hydra", "all"]
_INFO = ["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"]
_NOT_OFFERED = {  # what Hydra reads beside what a user may give
    **dict.fromkeys(["run", "hydra_help", "shell_completion"], False),
    **dict.fromkeys(["config_path", "config_name"], None),
}


class OptionModule(Protocol):
    """What the module of an option verb offers; it imports heavy libraries inside `main`."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the verb's options."""

    def main(self, options: argparse.Namespace) -> None:
        """Run the verb."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors reach the user as every other mistake does."""

    def error(self, message: str) -> NoReturn:
        """Raise the mistake instead of printing the usage."""
        raise UserError(f"{message}; `{self.prog} --help` shows what it takes")


def hydra_parser(name: str) -> Parser:
    """Return the parser of a verb that composes a configuration: overrides and Hydra's flags only."""
    verb = HYDRA_VERBS[name]
    parser = _parser(name, verb, add_help=False)
    parser.add_argument(
        "overrides", nargs="*", type=quoted, metavar="override", help="group=choice or key=value"
    )
    parser.add_argument("-h", "--help", action="store_true", help="show this help")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("-m", "--multirun", action="store_true", help="one job for every combination of a,b")
    mode.add_argument("-c", "--cfg", choices=_CFG, metavar="PART", help=f"print and stop: {', '.join(_CFG)}")
    info = f"print how it is composed and stop: {', '.join(_INFO)}"
    mode.add_argument("-i", "--info", nargs="?", const="all", choices=_INFO, metavar="WHAT", help=info)
    parser.add_argument("-p", "--package", help="with --cfg: print this part only, such as model")
    parser.add_argument("--resolve", action="store_true", help="with --cfg: print values, not ${references}")
    parser.add_argument("-cd", "--config-dir", metavar="DIR", help="a folder with config groups of your own")
    parser.set_defaults(**_NOT_OFFERED)
    return parser


def option_module(name: str) -> OptionModule:
    """Return the module of an option verb."""
    return cast(OptionModule, import_module(OPTION_VERBS[name].module))


def option_parser(name: str, module: OptionModule) -> Parser:
    """Return the parser of a verb with ordinary options."""
    parser = _parser(name, OPTION_VERBS[name])
    parser.epilog = examples(OPTION_VERBS[name])
    module.add_options(parser)
    return parser


def examples(verb: Verb) -> str:
    """Return a verb's examples as a block of a help page."""
    return "\n".join(["examples:", *(f"  bcdl {example}" for example in verb.examples)])


def _parser(name: str, verb: Verb, add_help: bool = True) -> Parser:
    formatter = argparse.RawDescriptionHelpFormatter
    return Parser(f"bcdl {name}", description=verb.summary, formatter_class=formatter, add_help=add_help)
