"""A page as a PDF, by WeasyPrint (extra `report`), which needs the system's Pango."""

import logging
from importlib import import_module
from types import ModuleType
from typing import Any

from bcdl.errors import UserError

_WHAT_TO_DO = (
    "a PDF needs the package weasyprint and the library Pango: pip install 'bcdl[report]' and, on Debian, "
    "apt-get install {}; or go without, by evaluate.pdf=false"
)
PACKAGES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"  # of Debian; `.ci/run` installs them


def require_pdf() -> None:
    """Raise unless a PDF can be made.

    Raises:
        UserError: the package or the library is missing.
    """
    _weasyprint()


def to_pdf(page: str) -> bytes:
    """Return a page as a PDF, A4, styled as it is for print; what is not in the page itself is not fetched.

    Args:
        page: HTML.

    Raises:
        UserError: the package or the library is missing.
    """
    library = _weasyprint()
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it warns of each property that print has not
    content: bytes = library.HTML(string=page, url_fetcher=_only_data(library)).write_pdf()
    return content


def _only_data(library: ModuleType) -> Any:  # noqa: ANN401 - weasyprint ships no types
    return library.urls.URLFetcher(allowed_protocols=["data"])


def _weasyprint() -> ModuleType:
    try:
        library = import_module("weasyprint")
    except (ImportError, OSError) as error:  # the package; the library, which it opens at once
        raise UserError(f"{_WHAT_TO_DO.format(PACKAGES)} ({error})") from error
    return library
