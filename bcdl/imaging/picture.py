"""A decoded image before anything is done to it, and what a careful reader would object to in it."""

from dataclasses import dataclass
from typing import Literal

from bcdl.imaging.geometry import Pixels

Kind = Literal[
    "undecodable",
    "unreadable",
    "for_processing",
    "constant",
    "beyond_bits",
    "breast_area",
    "inverted",
    "implant",
    "spot_view",
    "modality",
    "side",
]
UNREADABLE: Literal["unreadable"] = "unreadable"  # for a reason that may pass: always tried again
MULTI_FRAME = ("refuse", "frame")


@dataclass(frozen=True)
class Problem:
    """Why an image is refused, or what is remarkable about it.

    Attributes:
        kind: A word to count by; `undecodable` and `unreadable` have no pixels, `side` is a remark and
            refuses nothing.
        detail: What was expected and what was found; never a path, nor a header's personal data.
    """

    kind: Kind
    detail: str

    @property
    def refuses(self) -> bool:
        """Whether a quality gate refuses the image."""
        return self.kind != "side"


@dataclass(frozen=True)
class Display:
    """How a file's stored values become display values; only DICOM files leave a choice.

    Args:
        window: auto, file, minmax, percentile or none (`bcdl.imaging.dicom.read_dicom`).
        multi_frame: `refuse` files of several frames, or take the `frame` that the exam table names.
        modality: Modalities that a file may have, such as MG; empty takes any.
    """

    window: str = "auto"
    multi_frame: str = "refuse"
    modality: tuple[str, ...] = ()


AS_IT_IS = Display()


@dataclass(frozen=True)
class Picture:
    """A decoded image.

    Attributes:
        pixels: (H, W) or (H, W, 3) RGB, uint8 or uint16 over the whole range, air dark.
        spacing: Millimetres from pixel to pixel, where the file says so.
        laterality: L or R by the file's own header, or NA.
        problems: What the header and the stored values are objected to for.
    """

    pixels: Pixels
    spacing: float | None = None
    laterality: str = "NA"
    problems: tuple[Problem, ...] = ()
