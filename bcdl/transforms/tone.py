"""How bright the pixels of an image become: parameters drawn apart from their application.

Background (0) stays 0, so that a breast's outline never depends on the augmentation.
"""

from dataclasses import dataclass

import albumentations.augmentations.dropout.functional as dropout
import albumentations.augmentations.pixel.functional as pixelwise
import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]  # (H, W, C)
_UNCHANGED = (1.0, 1.0, 0.0, 0.0, 0.0, None)


@dataclass(frozen=True)
class Tone:
    """One change of grey levels; the defaults leave them as they are.

    Attributes:
        gamma: exponent of the grey levels, which are scaled to 0..1 by the image's maximum.
        contrast: factor on the distance from the foreground's mean.
        brightness: shift, as a share of the image's maximum.
        blur: standard deviation of a Gaussian, as a share of the shorter side.
        noise: standard deviation of white noise, as a share of the image's maximum.
        noise_seed: seed of the noise field.
        hole: `(x, y, side)` of a square set to 0, each as a share: of width, of height, of the shorter side.
    """

    gamma: float = 1.0
    contrast: float = 1.0
    brightness: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    noise_seed: int = 0
    hole: tuple[float, float, float] | None = None

    def apply(self, image: Pixels, largest: float) -> Pixels:
        """Return the image with its grey levels changed, between 0 and `largest`."""
        unchanged = (
            self.gamma,
            self.contrast,
            self.brightness,
            self.blur,
            self.noise,
            self.hole,
        ) == _UNCHANGED
        peak = 0.0 if unchanged else float(image.max())
        if peak == 0:
            return image
        foreground = image > 0
        levels = self._curve(image / np.float32(peak), foreground)
        levels = self._texture(levels)
        np.clip(levels, 0, largest / peak, out=levels)
        levels *= foreground
        levels *= np.float32(peak)
        return levels if self.hole is None else self._cut(levels, self.hole)

    def _curve(self, levels: Pixels, foreground: NDArray[np.bool_]) -> Pixels:
        if self.gamma != 1:
            levels = pixelwise.gamma_transform(levels, self.gamma)
        if self.contrast != 1:
            mean = levels.sum() / np.count_nonzero(foreground)
            levels = levels * np.float32(self.contrast) + mean * np.float32(1 - self.contrast)
        return levels + np.float32(self.brightness) if self.brightness else levels

    def _texture(self, levels: Pixels) -> Pixels:
        if self.blur > 0:
            sigma = self.blur * min(levels.shape[:2])
            levels = cv2.GaussianBlur(levels, (0, 0), sigma).reshape(levels.shape)
        if self.noise > 0:
            noise = np.random.default_rng(self.noise_seed).standard_normal(levels.shape, dtype=np.float32)
            noise *= np.float32(self.noise)
            levels = levels + noise
        return levels

    def _cut(self, levels: Pixels, hole: tuple[float, float, float]) -> Pixels:
        height, width = levels.shape[:2]
        half = hole[2] * min(height, width) / 2
        x, y = hole[0] * width, hole[1] * height
        corners = np.rint([[x - half, y - half, x + half, y + half]]).clip(0).astype(int)
        cut: Pixels = dropout.cutout(levels, corners, 0.0, np.random.default_rng(0))
        return cut
