"""One image at a time: from a reader to prepared pixels, or to the reason why there are none."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bcdl.data.readers.reader import Reader
from bcdl.errors import UserError
from bcdl.imaging import Imaging, Pixels

Shape = tuple[int, ...]  # height, width, channels


@dataclass(frozen=True)
class Source:
    """An image of the exam table; `row` counts from 0."""

    row: int
    path: str
    frame: int

    def __str__(self) -> str:
        frame = f", frame {self.frame}" if self.frame else ""
        return f"row {self.row + 1} (path {self.path}{frame}; rows are counted from 1)"


@dataclass(frozen=True)
class Skipped:
    """An image that could not be read, and why."""

    source: Source
    reason: str

    def error(self) -> UserError:
        """Return the error that stops at this image."""
        return UserError(
            f"cannot read the image of {self.source}: {self.reason}; "
            "mend the file, or set data.on_bad_row=skip to leave such rows out"
        )


@dataclass(frozen=True)
class Decoder:
    """Decodes and prepares images as a store wants them.

    Args:
        reader: Decodes.
        imaging: How images are prepared.
        skip: Give a `Skipped` for an image that cannot be read, rather than raise.
    """

    reader: Reader
    imaging: Imaging
    skip: bool

    def decode(self, source: Source) -> Pixels | Skipped:
        """Return the prepared image (H, W, C), or why there is none.

        Raises:
            UserError: The image cannot be read, and is not to be skipped.
            TypeError: The reader gives pixels of another type than it promises.
        """
        try:
            image = self.reader.load(source.path, source.frame)
        except (UserError, OSError) as error:
            skipped = Skipped(source, str(error))
            if self.skip:
                return skipped
            raise skipped.error() from error
        if image.dtype not in (np.uint8, np.uint16):
            raise TypeError(
                f"{self.reader.name}: load() gave {image.dtype} for {source}, not uint8 or uint16"
            )
        return self.imaging.prepare(image)

    def readable(self, sources: Iterator[Source]) -> Iterator[Pixels]:
        """Yield the images that can be read."""
        for source in sources:
            image = self.decode(source)
            if not isinstance(image, Skipped):
                yield image


def other_size(found: Shape, expected: Shape, source: Source) -> UserError:
    """Return the error of an image whose size is not that of the images before it."""
    height, width = expected[:2]
    return UserError(
        f"expected all images of one size, {height} x {width} as the first, "
        f"found {found[0]} x {found[1]} in {source}; set one for all, such as imaging.size=[{height},{width}]"
    )
