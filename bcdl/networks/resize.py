"""Images brought to the size that a backbone takes, on the device, with their proportions kept."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from bcdl.errors import UserError
from bcdl.networks.encoder import Encoder

Size = tuple[int, int]


def input_size_for(encoder: Encoder, image_size: Size, wanted: str | Sequence[int] | None) -> Size:
    """Return the (height, width) in which `encoder` gets images of `image_size`.

    Args:
        encoder: The backbone.
        image_size: Size (height, width) of the images in the batch.
        wanted: `auto` enlarges images only where the backbone needs it, None leaves them, (height, width) is
            taken as given.

    Raises:
        UserError: `wanted` is none of these, or the backbone cannot take that size.
    """
    if wanted == "auto":
        return _least(encoder, image_size)
    if wanted is None:
        size = image_size
    elif not isinstance(wanted, str) and len(wanted) == 2 and min(wanted) > 0:
        size = (int(wanted[0]), int(wanted[1]))
    else:
        raise UserError(f"expected model.input_size to be auto, null or [height, width], found '{wanted}'")
    _try(encoder, size, _least(encoder, image_size))
    return size


def fit_to(image: Tensor, size: Size) -> Tensor:
    """Resize images (N, C, H, W) into `size` and pad what is left with each image's darkest value.

    A size of the same proportions is reached by resizing alone.
    """
    if tuple(image.shape[-2:]) == size:
        return image
    inner, (top, left) = _placed(image.shape[-2:], size)
    image = F.interpolate(image, inner, mode="bilinear", antialias=True)
    if inner == size:
        return image
    darkest = image.amin(dim=(-3, -2, -1), keepdim=True)
    right, below = size[1] - inner[1] - left, size[0] - inner[0] - top
    return F.pad(image - darkest, (left, right, top, below)) + darkest


def undo_fit(maps: Tensor, image_size: Size) -> Tensor:
    """Bring maps (N, h, w) of what `fit_to` gave back onto the images of `image_size` that it was given."""
    if tuple(maps.shape[-2:]) == image_size:
        return maps
    (height, width), (top, left) = _placed(image_size, (maps.shape[-2], maps.shape[-1]))
    inner = maps[:, None, top : top + height, left : left + width]
    return F.interpolate(inner, image_size, mode="bilinear", antialias=True).squeeze(1)


def _placed(image_size: Sequence[int], size: Size) -> tuple[Size, Size]:
    """Return the (height, width) of an image resized into `size`, and the (top, left) at which it lies."""
    height, width = image_size
    scale = min(size[0] / height, size[1] / width)
    inner = (min(size[0], round(height * scale)), min(size[1], round(width * scale)))
    return inner, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2)


def _least(encoder: Encoder, image_size: Size) -> Size:
    if encoder.fixed_size:
        return encoder.fixed_size
    scale = encoder.min_side / min(image_size)
    return image_size if scale <= 1 else (round(image_size[0] * scale), round(image_size[1] * scale))


@torch.no_grad()
def _try(encoder: Encoder, size: Size, least: Size) -> None:
    training = encoder.training
    try:
        encoder.eval()(torch.zeros(1, encoder.in_channels, *size))
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"the encoder {encoder.name} cannot take images of {size[0]} x {size[1]} ({error}); "
            f"set model.input_size=auto, which would give {least[0]} x {least[1]}"
        ) from error
    finally:
        encoder.train(training)
