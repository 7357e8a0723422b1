"""Seconds of the commands that a person waits for: `python benchmarks/startup.py`.

Target: each answers within 1.0 s on two cores.
"""

from commands import seconds
from targets import Figure, show

TARGET = 1.0  # seconds
REPEATS = 5
COMMANDS = ("--help", "train --help", "train --cfg job", "list")


def main() -> None:
    show([Figure(f"bcdl {command}", fastest(command.split()), TARGET, "s") for command in COMMANDS])


def fastest(arguments: list[str]) -> float:
    """Return the least wall-clock seconds of a whole process."""
    return min(seconds(*arguments) for _ in range(REPEATS))


if __name__ == "__main__":
    main()
