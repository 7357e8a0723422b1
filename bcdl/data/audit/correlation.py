"""Whether two thumbnails show the same picture: the correlation of their details, aligned if need be.

Mammograms share one coarse shape, so what is broader than a few thumbnail pixels is taken away first.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.data.audit.thumbnails import HEIGHT, WIDTH, Thumbnails

_DETAIL = 1.5  # thumbnail pixels: sigma of the blur that is subtracted to compare
_GUIDE = 4.0  # the same to align: broader structures pull from farther away
_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 1e-3)
_MOST_STRETCH, _MOST_SHIFT = 0.2, 8.0  # of the size; thumbnail pixels

Picture = NDArray[np.float32]


def similarity(first: Thumbnails, second: Thumbnails, mirrored: bool, enough: float) -> float:
    """Return the correlation of two thumbnails' details, from -1 to 1.

    Args:
        first: (64, 32).
        second: (64, 32).
        mirrored: Whether the second is flipped left to right first.
        enough: A correlation from which no alignment is tried.
    """
    one = first.astype(np.float32)
    other = np.ascontiguousarray(second[:, ::-1] if mirrored else second, dtype=np.float32)
    direct = _correlation(_without_blur(one, _DETAIL), _without_blur(other, _DETAIL))
    return direct if direct >= enough else max(direct, _aligned(one, other))


def _aligned(one: Picture, other: Picture) -> float:
    """Return the correlation where both overlap after the affine map that fits them best, else -1.

    Source: enhanced correlation coefficient, Evangelidis and Psarakis, IEEE TPAMI 30 (2008).
    """
    matrix = np.eye(2, 3, dtype=np.float32)
    try:
        cv2.findTransformECC(
            _without_blur(one, _GUIDE),
            _without_blur(other, _GUIDE),
            matrix,
            cv2.MOTION_AFFINE,
            _STEPS,
            None,
            1,
        )
    except cv2.error:  # the search has diverged: there is nothing to align
        return -1.0
    stretched = np.abs(matrix[:, :2] - np.eye(2)).max() > _MOST_STRETCH
    if stretched or np.abs(matrix[:, 2]).max() > _MOST_SHIFT:
        return -1.0
    mask = _warp(np.ones_like(other), matrix, cv2.BORDER_CONSTANT) > 0.99
    moved = _warp(_without_blur(other, _DETAIL), matrix, cv2.BORDER_REPLICATE)
    return _correlation(_without_blur(one, _DETAIL)[mask], moved[mask])


def _warp(picture: Picture, matrix: NDArray[np.float32], border: int) -> Picture:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved: Picture = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=border)
    return moved


def _without_blur(picture: Picture, sigma: float) -> Picture:
    detail: Picture = picture - cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return detail


def _correlation(one: Picture, other: Picture) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float((one * other).sum()) / scale if scale > 0 else 0.0
