"""Findings where they lie on the stored images: masks and boxes moved as the pixels were."""

import logging
from collections.abc import Iterator

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.readers.reader import Reader
from bcdl.data.store import ImageStore
from bcdl.imaging import Geometry, ImageError
from bcdl.imaging.geometry import Box

_LOG = logging.getLogger(__name__)
_ASPECT = 0.05  # by which the aspect of a mask may differ from its image's
Outline = NDArray[np.float64]


def finding_mask(reader: Reader, geometry: Geometry, mask_path: str) -> NDArray[np.bool_]:
    """Return a finding's mask on the stored image, (H, W).

    Raises:
        UserError: The mask is missing or cannot be decoded.
    """
    mask = reader.load_mask(mask_path)
    aspects = [height / width for height, width in (mask.shape, geometry.source)]
    if abs(aspects[0] / aspects[1] - 1) > _ASPECT:
        _LOG.warning(
            "a mask of %d x %d pixels is stretched over an image of %d x %d: is it the image's own?",
            *(*mask.shape, *geometry.source),
        )
    return geometry.mask(mask)


def outlines(reader: Reader | None, store: ImageStore, row: int, findings: pd.DataFrame) -> list[Outline]:
    """Return the outlines of one image's findings as closed polygons.

    Args:
        reader: Gives the masks; without one, and of findings without a mask, the boxes are taken.
        store: The stored images.
        row: The image's position in it.
        findings: The findings of this image.

    Returns:
        An array (N, 2) of x and y in pixels of the stored image for each piece.
    """
    found: list[Outline] = []
    for area in _areas(reader, store.geometry(row), findings):
        found += [_corners(area)] if isinstance(area, tuple) else _contours(area)
    return found


def finding_areas(
    reader: Reader | None, store: ImageStore, row: int, findings: pd.DataFrame
) -> list[NDArray[np.bool_]]:
    """Return the pixels (H, W) of each of one image's findings on the stored image.

    The arguments are those of `outlines`. A box is filled; findings with neither mask nor box, and those of
    which the stored image shows nothing, are left out.
    """
    geometry = store.geometry(row)
    areas = [
        _filled(area, geometry.size) if isinstance(area, tuple) else area
        for area in _areas(reader, geometry, findings)
    ]
    return [area for area in areas if area.any()]


def _areas(
    reader: Reader | None, geometry: Geometry, findings: pd.DataFrame
) -> Iterator[NDArray[np.bool_] | Box]:
    """Yield each finding's mask, or else its box, on the stored image."""
    boxes = findings[["x0", "y0", "x1", "y1"]].to_numpy(np.float64)
    for mask_path, box in zip(findings["mask_path"], boxes.tolist(), strict=True):
        mask = _mask(reader, geometry, mask_path)
        if mask is not None:
            yield mask
        elif not np.isnan(box[0]):
            yield geometry.box(tuple(box))


def _corners(box: Box) -> Outline:
    x0, y0, x1, y1 = box
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def _filled(box: Box, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels (H, W) whose centres lie in a box."""
    x0, y0, x1, y1 = box
    rows, columns = (np.arange(side) + 0.5 for side in size)
    inside: NDArray[np.bool_] = ((rows >= y0) & (rows < y1))[:, None] & ((columns >= x0) & (columns < x1))
    return inside


def _mask(reader: Reader | None, geometry: Geometry, mask_path: object) -> NDArray[np.bool_] | None:
    """Return a finding's mask, None where there is none; of one that cannot be read it is said so."""
    if reader is None or not isinstance(mask_path, str):
        return None
    try:
        return finding_mask(reader, geometry, mask_path)
    except ImageError as error:
        _LOG.warning("an outline is missing: %s", error.reason)
        return None


def _contours(mask: NDArray[np.bool_]) -> list[Outline]:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [contour[:, 0].astype(np.float64) + 0.5 for contour in contours]
