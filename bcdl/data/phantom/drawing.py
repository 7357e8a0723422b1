"""Draw a lesion's footprint: brightness added to a picture, in the pixels around it alone."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bcdl.data.phantom.lesions import Kind, Lesion
from bcdl.data.phantom.projection import Footprint

FloatArray = NDArray[np.float32]

_SPICULE_WIDTH = 1.1  # mm at the root
_CALCIFICATION_SIZE = 0.5  # mm, standard deviation of one spot


def draw_lesion(picture: FloatArray, lesion: Lesion, footprint: Footprint, spacing: float) -> None:
    """Add `lesion` to `picture` (H, W) in place, at `footprint`; `spacing` is the pixel size in mm."""
    rows, columns, x, y = _patch(picture.shape, footprint)
    pattern = _PATTERNS[lesion.kind](x, y, footprint, lesion, spacing)
    under_skin = np.sqrt(np.clip(picture[rows, columns] / 0.15, 0.0, 1.0))
    picture[rows, columns] += np.float32(lesion.contrast) * pattern * under_skin


def _patch(shape: tuple[int, ...], footprint: Footprint) -> tuple[slice, slice, FloatArray, FloatArray]:
    """Return the rows and columns around a footprint and their offsets (x, y) from its centre."""
    reach = float(max(1.7 * footprint.radii.max(), np.abs(footprint.rays).max(initial=0.0))) + 3.0
    low = np.maximum(np.floor(footprint.centre - reach), 0).astype(int)
    high = np.ceil(footprint.centre + reach).astype(int)
    rows, columns = slice(low[1], min(high[1], shape[0])), slice(low[0], min(high[0], shape[1]))
    x = np.arange(columns.start, columns.stop, dtype=np.float32)[None, :] + 0.5 - footprint.centre[0]
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5 - footprint.centre[1]
    return rows, columns, x, y


def _normalised(
    x: FloatArray, y: FloatArray, footprint: Footprint, lobes: FloatArray, depth: float
) -> FloatArray:
    """Return the distance from the centre in units of the lobulated margin: 1 on the margin."""
    turn = np.arctan2(y, x)
    lobulation = sum(np.cos(n * turn + phase) / n for n, phase in enumerate(lobes, start=2))
    rim = 1.0 + depth * lobulation
    distance: FloatArray = np.hypot(x / footprint.radii[0], y / footprint.radii[1]) / rim
    return distance


def _circumscribed(
    x: FloatArray, y: FloatArray, footprint: Footprint, lesion: Lesion, _: float
) -> FloatArray:
    """A well-defined oval with the faint dark halo of compressed fat."""
    q = _normalised(x, y, footprint, lesion.lobes, 0.06)
    body = 0.85 * np.clip(1.0 - q**2, 0.0, 1.0) ** 0.5
    halo: FloatArray = body - 0.08 * np.exp(-(((q - 1.08) / 0.09) ** 2))
    return halo


def _spiculated(
    x: FloatArray, y: FloatArray, footprint: Footprint, lesion: Lesion, spacing: float
) -> FloatArray:
    """An irregular dense core with an indistinct margin, and lines that radiate from it."""
    q = _normalised(x, y, footprint, lesion.lobes, 0.17)
    core = np.exp(-1.3 * q**3)
    tips = footprint.rays
    star: FloatArray = np.maximum(core, _lines(x, y, np.zeros_like(tips), tips, spacing))
    return star


def _summation(
    x: FloatArray, y: FloatArray, footprint: Footprint, lesion: Lesion, spacing: float
) -> FloatArray:
    """Normal strands that cross by chance over a patch of tissue: no dense core, no common centre."""
    q = _normalised(x, y, footprint, lesion.lobes, 0.17)
    patch = 0.85 * np.exp(-1.2 * q**2.5)
    tips = footprint.rays
    roots = 0.35 * np.stack([tips[:, 1], -tips[:, 0]], axis=1) - 0.4 * tips
    crossing: FloatArray = np.maximum(patch, 0.7 * _lines(x, y, roots, tips, spacing))
    return crossing


def _calcifications(
    x: FloatArray, y: FloatArray, footprint: Footprint, lesion: Lesion, spacing: float
) -> FloatArray:
    """Bright specks of unequal brightness; the cluster's tissue is faintly denser."""
    width = max(_CALCIFICATION_SIZE / spacing, 0.5)
    spots_x = np.exp(-0.5 * ((x - footprint.rays[:, :1]) / width) ** 2)  # (n, W)
    spots_y = np.exp(-0.5 * ((y.T - footprint.rays[:, 1:]) / width) ** 2)  # (n, H)
    brightness = 1.7 + 0.8 * np.cos(np.arange(len(footprint.rays)) + lesion.lobes[0])
    specks: FloatArray = (spots_y * brightness[:, None]).T @ spots_x
    return specks


def _lines(x: FloatArray, y: FloatArray, roots: FloatArray, tips: FloatArray, spacing: float) -> FloatArray:
    """Return tapering lines from `roots` to `tips`, both (n, 2), on the grid of `x` and `y`."""
    along = tips - roots
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-3)[:, None, None]
    ux, uy = along[:, 0, None, None] / length, along[:, 1, None, None] / length
    dx, dy = x - roots[:, 0, None, None], y - roots[:, 1, None, None]
    t = (dx * ux + dy * uy) / length  # (n, h, w)
    away = (dx * uy - dy * ux) / max(_SPICULE_WIDTH / spacing, 0.6)
    taper = np.where((t > 0) & (t < 1), 1.0 - t, 0.0) ** 0.6
    lines: FloatArray = (taper * np.exp(-(away**2))).max(axis=0, initial=0.0)
    return lines


_Pattern = Callable[[FloatArray, FloatArray, Footprint, Lesion, float], FloatArray]
_PATTERNS: dict[Kind, _Pattern] = {
    "circumscribed": _circumscribed,
    "spiculated": _spiculated,
    "summation": _summation,
    "calcifications": _calcifications,
}
