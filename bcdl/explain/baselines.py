"""What a region of a view becomes when it is taken away; and a map that knows no model."""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from bcdl.data.batch import Batch
from bcdl.errors import UserError, nearest
from bcdl.models import Classifier
from bcdl.networks.pooling import valid_views

_COARSE = 16  # pixels of the view for one of its blur


def baseline(view: Tensor, kind: str) -> Tensor:
    """Return images of the shape of `view` without what it shows.

    Args:
        view: Images (N, C, H, W).
        kind: `dark`: each view's darkest value, as the air around a breast; `mean`: its mean; `blur`: the
            view reduced to a sixteenth and enlarged again.

    Raises:
        UserError: Another kind.
    """
    if kind not in BASELINES:
        raise UserError(
            f"expected a baseline among {', '.join(BASELINES)}, found '{kind}'.{nearest(kind, BASELINES)}"
        )
    return BASELINES[kind](view)


def brightness(model: Classifier, batch: Batch, target: int) -> Tensor:
    """Return the images themselves as maps (N, H, W) of the valid views, 0 where they are darkest.

    A control: a method points better than this only if it knows more than that lesions are bright.

    Args:
        model: Of no influence.
        batch: Samples.
        target: Of no influence.
    """
    view = valid_views(batch["image"], batch["view_mask"]).float().mean(1)
    return view - view.amin((-2, -1), keepdim=True)


def _dark(view: Tensor) -> Tensor:
    return view.amin((-2, -1), keepdim=True).expand_as(view)


def _mean(view: Tensor) -> Tensor:
    return view.mean((-2, -1), keepdim=True).expand_as(view)


def _blur(view: Tensor) -> Tensor:
    height, width = view.shape[-2:]
    coarse = (max(1, round(height / _COARSE)), max(1, round(width / _COARSE)))
    reduced = F.interpolate(view, coarse, mode="bilinear", antialias=True)
    return F.interpolate(reduced, (height, width), mode="bilinear")


BASELINES: dict[str, Callable[[Tensor], Tensor]] = {"dark": _dark, "mean": _mean, "blur": _blur}
