"""scikit-image, imported only when something is measured: it is an extra."""

from importlib import import_module
from types import ModuleType

from bcdl.errors import UserError


def scikit_image(part: str) -> ModuleType:
    """Return the module `skimage.<part>`.

    Raises:
        UserError: scikit-image is not installed.
    """
    try:
        return import_module(f"skimage.{part}")
    except ModuleNotFoundError as error:
        raise UserError(
            "hand-crafted features need the package scikit-image: pip install 'bcdl[radiomics]'"
        ) from error
