"""What is baked into the image store: size and channels, applied alike for training and for inference."""

from dataclasses import dataclass

from bcdl.errors import UserError
from bcdl.imaging.geometry import Pixels, fit, to_channels
from bcdl.imaging.window import check_policy

_CHANNELS = (1, 3)


@dataclass(frozen=True)
class Imaging:
    """How a decoded image is prepared.

    Args:
        size: (height, width) in pixels; images keep their aspect and are padded with 0. `None` keeps the
            images' own size, in which all of a data set must then agree.
        channels: 1 (grey) or 3 (colour; grey images are repeated).
        window: How a DICOM file's grey values become display values: auto, file, minmax, percentile or none;
            readers are given it, as `prepare` gets display values.

    Raises:
        UserError: A size, a number of channels or a window that cannot be.
    """

    size: tuple[int, int] | None = None
    channels: int = 1
    window: str = "auto"

    def __post_init__(self) -> None:
        check_policy(self.window)
        if self.channels not in _CHANNELS:
            raise UserError(f"expected imaging.channels of 1 or 3, found {self.channels}")
        if self.size is None:
            return
        if len(self.size) != 2 or not all(isinstance(side, int) and side > 0 for side in self.size):
            raise UserError(f"expected imaging.size=[rows,columns] in pixels, found {list(self.size)}")
        object.__setattr__(self, "size", tuple(self.size))  # a list, when it comes from YAML

    def prepare(self, image: Pixels) -> Pixels:
        """Return a decoded image (h, w) or (h, w, 3) as (H, W, C), dtype kept."""
        return to_channels(image if self.size is None else fit(image, self.size), self.channels)
