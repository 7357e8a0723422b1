"""Procedural four-view screening mammography: anatomy, texture, lesions in 3-D, projection, scanner.

The reader `bcdl.data.readers.Phantom` makes an exam table of it.
"""

from bcdl.data.phantom.cohort import Recipe
from bcdl.data.phantom.keys import ViewKey, parse_path
from bcdl.data.phantom.projection import Frame, mask, outline
from bcdl.data.phantom.render import render_view, shown_lesions
from bcdl.data.phantom.tables import Row, finding_rows, image_row, view_keys

__all__ = [
    "Frame",
    "Recipe",
    "Row",
    "ViewKey",
    "finding_rows",
    "image_row",
    "mask",
    "outline",
    "parse_path",
    "render_view",
    "shown_lesions",
    "view_keys",
]
