"""Pages that stand alone: one layout and one style for all of them, and the same page as a PDF."""

from bcdl.pages.pdf import require_pdf, to_pdf
from bcdl.pages.rendering import data_address, rendered

__all__ = ["data_address", "rendered", "require_pdf", "to_pdf"]
