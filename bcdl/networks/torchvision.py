"""Any classification backbone of torchvision, without its classifier."""

from pathlib import Path
from urllib.error import URLError

import torchvision
from torch import nn
from torchvision.models import get_model, get_model_weights, list_models

from bcdl.errors import UserError, nearest
from bcdl.networks.encoder import Encoder
from bcdl.networks.first_conv import adapt_first_conv, first_conv

_SIDE = 64  # the last map of a backbone of stride 32 is then 2 x 2: it trains with a single image too
_OTHER_SIDE = {"inception_v3": 112}
_MAXVIT = (224, 224)


class TorchvisionEncoder(Encoder):
    """A torchvision backbone up to its pooled features; its last linear layer is left out.

    Args:
        name: Name of a classification model, as in `torchvision.models.list_models`.
        in_channels: Channels of the images; the first convolution is adapted by summing its weights.
        weights: None for random weights, `DEFAULT` or a member of the model's weights enum (downloaded once
            by torchvision), or a local file.
        gradient_checkpointing: Trade time for memory during training.
        channels_last: Keep images and kernels channels-last in memory.

    Raises:
        UserError: Unknown model or weights, or weights that cannot be had.
    """

    def __init__(
        self,
        name: str,
        in_channels: int = 1,
        *,
        weights: str | Path | None = None,
        gradient_checkpointing: bool = False,
        channels_last: bool = False,
    ) -> None:
        member = _member(name, weights)
        trunk = _build(name, member)
        fixed_size = _fixed_size(name, trunk)
        classifier, dim = _strip(trunk)
        adapt_first_conv(trunk, in_channels)
        super().__init__(
            trunk,
            name=name,
            dim=dim,
            in_channels=in_channels,
            min_side=_OTHER_SIDE.get(name, _SIDE),
            fixed_size=fixed_size,
            classifier=classifier,
            weights=None if member else weights,
            gradient_checkpointing=gradient_checkpointing,
            channels_last=channels_last,
        )
        if member:
            preset = get_model_weights(name)[member].transforms()
            self.expect(preset.mean, preset.std)


def _member(name: str, weights: str | Path | None) -> str | None:
    """Return the enum member that `weights` names, or None where it is a file or nothing."""
    choices = list_models(module=torchvision.models)
    if name not in choices:
        raise UserError(f"torchvision has no classification model '{name}'.{nearest(name, choices)}")
    members = [*get_model_weights(name).__members__, "DEFAULT"]
    if weights is None or Path(weights).is_file():
        return None
    if str(weights) in members:
        return str(weights)
    raise UserError(
        f"expected encoder.weights of {name} to be null, one of {members} or a file, found '{weights}'."
        + nearest(str(weights), members)
    )


def _build(name: str, member: str | None) -> nn.Module:
    inception = name in ("googlenet", "inception_v3")
    try:
        model: nn.Module = get_model(
            name, weights=member, **({"init_weights": not member} if inception else {})
        )
    except (URLError, OSError) as error:
        raise UserError(
            f"the weights '{member}' of {name} cannot be downloaded ({error}); "
            "give a local file as encoder.weights, or null"
        ) from error
    if inception:  # the auxiliary classifiers serve training on ImageNet
        model.aux_logits = False  # type: ignore[assignment]
        for auxiliary in ("aux1", "aux2", "AuxLogits"):
            if hasattr(model, auxiliary):
                setattr(model, auxiliary, None)
    return model


def _fixed_size(name: str, trunk: nn.Module) -> tuple[int, int] | None:
    if name.startswith("vit_"):
        side = int(trunk.image_size)  # type: ignore[arg-type]
        return side, side
    return _MAXVIT if name.startswith("maxvit") else None


def _strip(trunk: nn.Module) -> tuple[str, int]:
    """Take the classifier off in place; return its name and the number of features that it took."""
    linears = [(name, layer) for name, layer in trunk.named_modules() if isinstance(layer, nn.Linear)]
    if linears:
        name, last = linears[-1]
        trunk.set_submodule(name, nn.Identity())
        return name, last.in_features
    _, conv = first_conv(trunk.get_submodule("classifier"))  # squeezenet
    trunk.set_submodule("classifier", nn.AdaptiveAvgPool2d(1))
    return "classifier", conv.in_channels
