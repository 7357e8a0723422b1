"""Controlled shifts: what other machines, exposures and archives do to an image, in three severities each.

They act on stored pixels, before any normalisation. What was 0 stays 0 where only grey levels change, because
preparation blanks what lies outside the breast.

Source:
    The protocol is that of Hendrycks and Dietterich 2019, Benchmarking neural network robustness to common
    corruptions and perturbations, ICLR: one corruption at a time, of rising severity, on test images alone.
    Severities of noise and exposure are those of ChestMNIST-C, of contrast and compression those of
    BreastMNIST-C (Di Salvo, Doerrich and Ledig 2024, MedMNIST-C, arXiv:2406.17536), three of five each. Those
    of blur, rotation and detector are a convention of ours.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.errors import UserError, nearest

Image = NDArray[np.uint8 | np.uint16]  # (H, W, C)
Levels = NDArray[np.float32]
MISSING_VIEW = "missing_view"
ALL = "all"


@dataclass(frozen=True)
class Shift:
    """One kind of change.

    Attributes:
        settings: how much, by severity from 1.
        words: what a setting means; `{}` is its place.
        change: of an image (H, W, C) by a setting, with a generator for what is drawn; keeps shape and type.
            None where it is views that change, not pixels.
    """

    settings: tuple[float, ...]
    words: str
    change: Callable[[Image, float, np.random.Generator], Image] | None

    def describe(self, severity: int) -> str:
        """Return a severity's setting in words."""
        return self.words.format(f"{self.settings[severity - 1]:g}")


def noise(image: Image, deviation: float, generator: np.random.Generator) -> Image:
    """Add white Gaussian noise, its standard deviation a share of the type's range."""
    drawn = generator.standard_normal(image.shape, dtype=np.float32)
    return _toned(image, image + drawn * np.float32(deviation * np.iinfo(image.dtype).max))


def blur(image: Image, sigma: float, generator: np.random.Generator) -> Image:
    """Blur with a Gaussian of some pixels."""
    blurred = cv2.GaussianBlur(image.astype(np.float32), (0, 0), sigma)
    return _stored(blurred.reshape(image.shape), image.dtype)


def contrast(image: Image, factor: float, generator: np.random.Generator) -> Image:
    """Draw grey levels together about the mean of what is not 0."""
    levels = image.astype(np.float32)
    mean = levels.sum() / max(1, np.count_nonzero(image))
    return _toned(image, mean + np.float32(factor) * (levels - mean))


def gain(image: Image, factor: float, generator: np.random.Generator) -> Image:
    """Multiply grey levels; what leaves the type's range saturates."""
    return _toned(image, image.astype(np.float32) * np.float32(factor))


def compression(image: Image, quality: float, generator: np.random.Generator) -> Image:
    """Compress as JPEG and decompress.

    Baseline JPEG has 8 bits: of 16-bit images 256 levels up to the image's maximum are compressed, so that
    this loss is part of the shift.
    """
    peak = float(image.max()) if image.dtype == np.uint16 else 255.0
    coarse = np.rint(image.astype(np.float32) * np.float32(255 / max(peak, 1.0))).astype(np.uint8)
    encoded = cv2.imencode(".jpg", coarse, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1]
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)).reshape(image.shape)
    return _toned(image, decoded.astype(np.float32) * np.float32(peak / 255))


def rotation(image: Image, degrees: float, generator: np.random.Generator) -> Image:
    """Rotate about the centre, either way with equal chance; what comes in is 0."""
    height, width = image.shape[:2]
    sign = 1 if generator.random() < 0.5 else -1
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), sign * degrees, 1.0)
    turned = cv2.warpAffine(image.astype(np.float32), matrix, (width, height), flags=cv2.INTER_LINEAR)
    return _stored(turned.reshape(image.shape), image.dtype)


def detector(image: Image, factor: float, generator: np.random.Generator) -> Image:
    """Sample with fewer, larger pixels, each the mean of what it covers, and enlarge again."""
    height, width = image.shape[:2]
    fewer = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(image.astype(np.float32), fewer, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return _stored(large.reshape(image.shape), image.dtype)


SHIFTS = {
    "noise": Shift((0.04, 0.08, 0.12), "SD {} of range", noise),
    "blur": Shift((0.5, 1.0, 2.0), "sigma {} px", blur),
    "contrast": Shift((0.8, 0.6, 0.4), "x {}", contrast),
    "overexposure": Shift((1.1, 1.3, 1.5), "x {}", gain),
    "underexposure": Shift((0.9, 0.7, 0.5), "x {}", gain),
    "compression": Shift((50, 30, 15), "quality {}", compression),
    "rotation": Shift((2, 5, 10), "{} degrees", rotation),
    "detector": Shift((0.75, 0.5, 0.25), "side x {}", detector),
    MISSING_VIEW: Shift((1, 2, 3), "{} left out", None),
}


@dataclass(frozen=True)
class Shifted:
    """One shift at one severity, as a change of stored images.

    Args:
        name: of `SHIFTS`, one that changes pixels.
        severity: from 1; 0 leaves images untouched.
        seed: of what is drawn, with the image's own key.
    """

    name: str
    severity: int
    seed: int = 0

    def __call__(self, image: Image, key: str) -> Image:
        """Return an image (H, W, C) shifted; one of this key is always shifted alike.

        Args:
            image: stored pixels.
            key: such as their checksum.
        """
        shift = SHIFTS[self.name]
        if self.severity == 0 or shift.change is None:
            return image
        return shift.change(image, shift.settings[self.severity - 1], keyed(self.seed, self.name, key))


def keyed(seed: int, *names: str) -> np.random.Generator:
    """Return a generator that depends on a seed and some names alone."""
    digest = hashlib.sha256("/".join(names).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def check_shifts(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of the shifts that a user asked for.

    Args:
        given: `all`, a name or several.

    Raises:
        UserError: one of them is none, or there are none.
    """
    names = [given] if isinstance(given, str) else [str(name) for name in given]
    if names == [ALL]:
        return tuple(SHIFTS)
    unknown = [name for name in names if name not in SHIFTS]
    if unknown or not names:
        found, hint = (f"'{unknown[0]}'", nearest(unknown[0], SHIFTS)) if unknown else ("none", "")
        raise UserError(
            f"expected evaluate.shifts to be null, all, or some of {', '.join(SHIFTS)}, found {found}.{hint}"
        )
    return tuple(dict.fromkeys(names))


def _toned(image: Image, levels: Levels) -> Image:
    """Return changed grey levels as they are stored; what was 0 stays so."""
    return _stored(np.where(image > 0, levels, 0), image.dtype)


def _stored(levels: Levels, dtype: np.dtype[np.uint8 | np.uint16]) -> Image:
    return np.rint(np.clip(levels, 0, np.iinfo(dtype).max)).astype(dtype)
