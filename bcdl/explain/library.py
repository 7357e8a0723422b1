"""captum, imported only when a map is computed by it: it is an extra."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from bcdl.errors import UserError


def has_captum() -> bool:
    """Return whether captum is installed."""
    return find_spec("captum") is not None


def captum() -> ModuleType:
    """Return the module `captum.attr`.

    Raises:
        UserError: captum is not installed.
    """
    try:
        return import_module("captum.attr")
    except ModuleNotFoundError as error:
        raise UserError(
            "integrated_gradients and occlusion need the package captum: pip install 'bcdl[explain]'"
        ) from error
