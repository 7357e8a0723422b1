"""Outlines as OsiriX exports them: a property list in XML with the points of every region."""

import math
import plistlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.errors import UserError

_DAMAGED = (
    *(ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError),
    *(OSError, ExpatError),
)
_LARGEST = 100_000  # pixels: no mammogram is as large


@dataclass(frozen=True)
class Contour:
    """One region.

    Attributes:
        kind: Its name in lower case, or `unnamed`.
        points: (N, 2) int32, x and y in pixels of the image. One or two are points; more are an outline.
    """

    kind: str
    points: NDArray[np.int32]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 around the points, half-open."""
        (x0, y0), (x1, y1) = self.points.min(axis=0), self.points.max(axis=0)
        return int(x0), int(y0), int(x1) + 1, int(y1) + 1

    def mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """Return (H, W), True at the points, or on and inside the outline."""
        mask = np.zeros((height, width), np.uint8)
        if len(self.points) > 2:
            cv2.fillPoly(mask, [self.points], (1,))
        else:
            inside = self.points[(self.points < (width, height)).all(axis=1)]
            mask[inside[:, 1], inside[:, 0]] = 1
        return mask.astype(np.bool_)


def read_contours(file: Path) -> list[Contour]:
    """Return all regions of a file that have points.

    Raises:
        UserError: It cannot be read, or is not in the documented form.
    """
    try:
        with file.open("rb") as stream:
            content = plistlib.load(stream, fmt=plistlib.FMT_XML)
        regions = [region for image in content["Images"] for region in image["ROIs"]]
        return [_contour(region) for region in regions if region["Point_px"]]
    except FileNotFoundError as error:
        raise UserError(f"{file}: expected outlines, found no such file") from error
    except _DAMAGED as error:
        raise UserError(
            f"{file}: expected outlines as a property list in XML (Images, ROIs, Point_px), found a damaged "
            f"file or another kind of one ({type(error).__name__}: {error}); replace it, or set "
            "data.on_bad_row=skip to leave its findings out"
        ) from error


def _contour(region: dict[str, Any]) -> Contour:
    points = np.array([_point(entry) for entry in region["Point_px"]], np.int32)
    return Contour(str(region.get("Name") or "unnamed").strip().lower(), points)


def _point(entry: Any) -> tuple[int, int]:  # noqa: ANN401 (a text "(x, y)", or a pair of numbers)
    parts = entry.strip("() ").split(",") if isinstance(entry, str) else entry
    x, y = (max(0, math.floor(float(part))) for part in parts)
    if max(x, y) > _LARGEST:
        raise ValueError(f"a point at {x}, {y}")
    return x, y
