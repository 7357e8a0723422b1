"""The command-line options and defaults that say which tracking store is meant; imports nothing heavy."""

import argparse
import os
import shlex
from pathlib import Path

ROOT_VARIABLE = "BCDL_TRACKING_ROOT"
DEFAULT_EXPERIMENT = "bcdl"


def default_root() -> Path:
    """Return the folder of the tracking store: `$BCDL_TRACKING_ROOT`, or `runs`."""
    return Path(os.environ.get(ROOT_VARIABLE, "runs"))


def add_root_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--tracking-root` to a verb."""
    parser.add_argument(
        "--tracking-root",
        type=Path,
        default=default_root(),
        metavar="DIR",
        help=f"folder of the tracking store (default: ${ROOT_VARIABLE} or runs); MLFLOW_TRACKING_URI wins",
    )


def add_store_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--tracking-root` and `--experiment` to a verb."""
    add_root_argument(parser)
    parser.add_argument(
        "--experiment",
        default=DEFAULT_EXPERIMENT,
        metavar="NAME",
        help="MLflow experiment (default: %(default)s)",
    )


def ui_command(root: Path, experiment: str) -> str:
    """Return the command that opens the MLflow UI on an experiment of the store in `root`."""
    command = ["bcdl", "ui"]
    command += ["--tracking-root", str(root)] if root != default_root().absolute() else []
    command += ["--experiment", experiment] if experiment != DEFAULT_EXPERIMENT else []
    return shlex.join(command)
