"""The error of one image, which a policy may skip."""

from pathlib import Path

from bcdl.errors import UserError


class ImageError(UserError):
    """An image that is missing or cannot be decoded.

    Args:
        path: Its file, or what names it in the data set.
        reason: What was expected and what was found, without the path: that of a patient's file is private.
        passing: Whether it may well be read another time, as after a failure of the network.
    """

    def __init__(self, path: Path | str, reason: str, passing: bool = False) -> None:
        super().__init__(path, reason, passing)
        self.path, self.reason, self.passing = path, reason, passing

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"
