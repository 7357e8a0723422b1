"""Test-time augmentation: the few fixed variants of an image over which a model's answers are averaged.

Left and right are mirrored, as `augment.flip` does in training; top and bottom never: that turns the pectoral
muscle of MLO views and the depth of ultrasound upside down. Where stored breasts are oriented to one side
(`imaging.orient=left`), a mirror image is one that the model knows from its augmentation alone.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bcdl.errors import UserError, nearest
from bcdl.transforms.geometry import Geometry

Image = NDArray[np.uint8 | np.uint16]  # (H, W, C)
NONE = "none"
AS_IT_IS = "as it is"
_MIRRORED = (True, False)
_MOVED = {
    AS_IT_IS: Geometry(),
    "5 degrees left": Geometry(angle=5.0),
    "5 degrees right": Geometry(angle=-5.0),
    "enlarged by 5 %": Geometry(scale=1.05),
    "reduced by 5 %": Geometry(scale=0.95),
}
_FLIPPED = {
    "mirrored" if name == AS_IT_IS else f"mirrored, {name}": replace(each, mirror=_MIRRORED)
    for name, each in _MOVED.items()
}
CHOICES: dict[str, dict[str, Geometry]] = {
    NONE: {},
    "flip": {AS_IT_IS: Geometry(), "mirrored": _FLIPPED["mirrored"]},
    "affine": _MOVED,
    "full": {**_MOVED, **_FLIPPED},
}


@dataclass(frozen=True)
class Variant:
    """One variant, as a change of stored images.

    Args:
        geometry: where the pixels go; 0 comes in from outside.
    """

    geometry: Geometry

    def __call__(self, image: Image, key: str) -> Image:
        """Return an image (H, W, C) moved; its key does not matter."""
        levels = self.geometry.apply(image.astype(np.float32))
        return np.rint(np.clip(levels, 0, np.iinfo(image.dtype).max)).astype(image.dtype)


def variants(choice: str) -> dict[str, Variant]:
    """Return the variants of a choice of `evaluate.tta` by what they are called, the image itself first.

    Raises:
        UserError: it is none of the choices.
    """
    if choice not in CHOICES:
        raise UserError(
            f"expected evaluate.tta to be one of {', '.join(CHOICES)}, found '{choice}'."
            f"{nearest(choice, CHOICES)}"
        )
    return {name: Variant(geometry) for name, geometry in CHOICES[choice].items()}
