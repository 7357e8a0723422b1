"""The error of one image, which a policy may skip."""

from bcdl.errors import UserError


class ImageError(UserError):
    """An image that is missing or cannot be decoded."""
