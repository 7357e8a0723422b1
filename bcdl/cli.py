"""The console script: finds the verb, imports only what that verb needs, and turns errors into exit codes."""

import sys

from bcdl import __version__
from bcdl.errors import UserError, nearest
from bcdl.exits import exit_on_sigterm, report
from bcdl.verbs import HYDRA_VERBS, OPTION_VERBS, VERBS


def main(arguments: list[str] | None = None) -> int:
    """Run a command line (default: the process's own) and return its exit code."""
    typed = sys.argv[1:] if arguments is None else arguments
    try:
        with exit_on_sigterm():
            _dispatch(typed)
    except BaseException as error:
        return report(error, " ".join(["bcdl", *typed[:1]]))
    return 0


def _dispatch(typed: list[str]) -> None:
    verb = typed[0] if typed else "--help"
    if verb in HYDRA_VERBS:
        from bcdl.jobs import run_verb

        run_verb(verb, typed[1:])
    elif verb in OPTION_VERBS:
        _run_option_verb(verb, typed[1:])
    elif verb in ("-h", "--help"):
        from bcdl.usage import overview

        print(overview())
    elif verb == "--version":
        print(f"bcdl {__version__}")
    else:
        raise UserError(f"no verb '{verb}'.{nearest(verb, VERBS)} Verbs: {', '.join(VERBS)}")


def _run_option_verb(verb: str, arguments: list[str]) -> None:
    from bcdl.parsers import option_module, option_parser

    module = option_module(verb)
    module.main(option_parser(verb, module).parse_intermixed_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
