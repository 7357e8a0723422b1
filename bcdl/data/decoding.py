"""One image at a time: from a reader to prepared pixels, with what is to be objected to in them."""

from dataclasses import dataclass, replace

import numpy as np

from bcdl.data.readers.reader import Reader
from bcdl.errors import UserError
from bcdl.imaging import UNREADABLE, Geometry, ImageError, Imaging, Picture, Pixels, Problem, pixel_problems
from bcdl.imaging.picture import Kind

Shape = tuple[int, ...]  # height, width, channels


@dataclass(frozen=True)
class Source:
    """An image of the exam table.

    Attributes:
        key: What it is stored under: a hash that changes with its file.
        image_id: Its name in messages.
        path: What the reader knows it by.
        frame: The frame beside it.
        laterality: The side that the table says it shows.
        spacing: Millimetres from pixel to pixel by the table, where known.
    """

    key: str
    image_id: str
    path: str
    frame: int
    laterality: str
    spacing: float | None = None


@dataclass(frozen=True)
class Decoded:
    """What became of an image.

    Attributes:
        source: The image.
        pixels: (H, W, C) as they are stored; None where it cannot be decoded.
        geometry: Where they lie in the source image.
        spacing: Millimetres from pixel to pixel as stored, where known.
        problems: What is to be objected to.
    """

    source: Source
    pixels: Pixels | None = None
    geometry: Geometry | None = None
    spacing: float | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Decoder:
    """Decodes and prepares images as a store wants them; goes to worker processes.

    Args:
        reader: Decodes.
        imaging: How images are prepared.
    """

    reader: Reader
    imaging: Imaging

    def decode(self, source: Source) -> Decoded:
        """Return the prepared image; one that cannot be decoded has no pixels and says why.

        Raises:
            UserError: Nothing can be decoded, say because an extra is not installed.
            TypeError: The reader gives pixels of another type than it promises.
        """
        try:
            picture = self.reader.load(source.path, source.frame, self.imaging.display)
        except ImageError as error:
            return _without_pixels(source, UNREADABLE if error.passing else "undecodable", error.reason)
        except UserError:
            raise  # not this image's fault, such as a missing extra
        except (OSError, MemoryError) as error:
            reason = error.strerror if isinstance(error, OSError) else "out of memory"
            return _without_pixels(source, UNREADABLE, f"cannot read it ({reason})")
        except Exception as error:  # whatever a damaged file makes a decoder do, the others go on
            return _without_pixels(source, "undecodable", f"the decoder failed with {type(error).__name__}")
        self._check_type(picture, source)
        if picture.laterality == "NA":
            picture = replace(picture, laterality=source.laterality)
        if picture.spacing is None:
            picture = replace(picture, spacing=source.spacing)
        prepared = self.imaging.prepare(picture.pixels)
        spacing = None if picture.spacing is None else prepared.geometry.spacing(picture.spacing)
        problems = (*picture.problems, *pixel_problems(picture, prepared))
        return Decoded(source, prepared.pixels, prepared.geometry, spacing, problems)

    def _check_type(self, picture: Picture, source: Source) -> None:
        if picture.pixels.dtype not in (np.uint8, np.uint16):
            raise TypeError(
                f"{self.reader.name}: load() gave {picture.pixels.dtype} for {source.image_id}, "
                "not uint8 or uint16"
            )


def _without_pixels(source: Source, kind: Kind, reason: str) -> Decoded:
    return Decoded(source, problems=(Problem(kind, reason),))


def other_size(found: Shape, expected: Shape, source: Source) -> UserError:
    """Return the error of an image whose size is not that of the images before it."""
    height, width = expected[:2]
    return UserError(
        f"expected all images of one size, {height} x {width} as the first, found {found[0]} x {found[1]} "
        f"in image {source.image_id}; set one for all, such as imaging.size=[{height},{width}]"
    )
