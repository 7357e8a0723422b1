"""Random textures: power-law noise (as in mammograms), its ridges, and strands that run to a point."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

PARENCHYMA_EXPONENT = 3.0
"""Exponent beta of the power spectrum 1/f^beta of mammograms.

Source: Burgess, Jacobson, Judy, "Human observer detection experiments with mammograms and power-law
noise", Med Phys 28 (2001).
"""


def white_spectrum(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Return the Fourier transform, (H, W, 2) real and imaginary parts, of white noise of `shape`."""
    spectrum: FloatArray = cv2.dft(rng.standard_normal(shape, dtype=np.float32), flags=cv2.DFT_COMPLEX_OUTPUT)
    return spectrum


def coloured(spectrum: FloatArray, spacing: float, exponent: float, largest: float = 90.0) -> FloatArray:
    """Return noise (H, W) of zero mean and unit variance with power 1/f^`exponent`.

    Args:
        spectrum: what `white_spectrum` gave.
        spacing: pixel size in mm.
        exponent: beta; 0 is white.
        largest: wavelength in mm beyond which the spectrum is flat.
    """
    height, width = spectrum.shape[:2]
    amplitude = _amplitude((height, width), spacing, exponent, largest)
    field: FloatArray = cv2.idft(spectrum * amplitude, flags=cv2.DFT_REAL_OUTPUT)
    field /= cv2.norm(field) / np.sqrt(field.size)  # the mean is 0
    return field


@lru_cache(maxsize=16)
def _amplitude(shape: tuple[int, int], spacing: float, exponent: float, largest: float) -> FloatArray:
    rows = np.fft.fftfreq(shape[0], spacing)[:, None]
    columns = np.fft.fftfreq(shape[1], spacing)[None, :]
    power = (rows**2 + columns**2 + largest**-2.0) ** (-exponent / 2.0)
    power[0, 0] = 0.0
    amplitude = np.sqrt(power).astype(np.float32)
    return np.stack([amplitude, amplitude], axis=-1)  # (H, W, 2): real and imaginary parts


def ridges(field: FloatArray, sharpness: float) -> FloatArray:
    """Return thin curved lines (H, W) in 0..1: the zero crossings of a unit-variance `field`."""
    lines: FloatArray = np.exp(-np.abs(field) * sharpness)
    return lines


def strands_to(
    field: FloatArray, distance: FloatArray, angle: FloatArray, spacing: float, radius: float, stretch: float
) -> FloatArray:
    """Return `field` drawn out along the rays of a point, as ducts run to the nipple.

    Args:
        field: noise (H, W).
        distance: mm from the point, (H, W).
        angle: direction seen from the point in radians, (H, W).
        spacing: pixel size in mm.
        radius: distance in mm at which strands are as wide as the field's own features.
        stretch: how many times longer than wide they are.
    """
    across = angle * np.float32(radius / spacing)
    along = distance * np.float32(1.0 / (stretch * spacing))
    strands: FloatArray = cv2.remap(field, along, across, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return strands
