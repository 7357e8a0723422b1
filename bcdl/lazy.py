"""Packages whose public names are imported on first use."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def importer(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a package (PEP 562).

    Args:
        package: its dotted name.
        homes: for each public name the module of the package that has it.
    """

    def find(name: str) -> Any:  # noqa: ANN401 - the type is that of the lazily imported name
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find
