"""Class activation maps: the encoder's last feature map, weighed by the gradient of the logit.

Each method is a function of activations and gradients (N, K, h, w) to maps (N, h, w) of evidence for the
class, 0 or more.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from bcdl.data.batch import Batch
from bcdl.explain.logits import logit_of
from bcdl.models import Classifier
from bcdl.networks.places import Places
from bcdl.networks.resize import undo_fit

Formula = Callable[[Tensor, Tensor], Tensor]


def grad_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    """Weigh each channel by its mean gradient (Selvaraju et al., ICCV 2017)."""
    weight = gradient.mean((2, 3), keepdim=True)
    return (weight * activation).sum(1).relu()


def grad_cam_pp(activation: Tensor, gradient: Tensor) -> Tensor:
    """Weigh each channel by its positive gradients, as Grad-CAM++ (Chattopadhay et al., WACV 2018).

    Of the exponential of the logit, as in the paper; its value, the same at all places, is left out.
    """
    square = gradient.square()
    total = activation.sum((2, 3), keepdim=True)
    divisor = 2 * square + total * square * gradient
    alpha = square / torch.where(divisor == 0, 1, divisor)
    weight = (alpha * gradient.relu()).sum((2, 3), keepdim=True)
    return (weight * activation).sum(1).relu()


def hires_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    """Weigh each place of each channel by its own gradient (Draelos and Carin, 2020, arXiv:2011.08891).

    Where only a mean and linear layers follow the map, this is the logit's exact share of each place, and the
    same as Grad-CAM.
    """
    return (gradient * activation).sum(1).relu()


def layer_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    """Weigh each place of each channel by its own positive gradient (Jiang et al., IEEE TIP 2021)."""
    return (gradient.relu() * activation).sum(1).relu()


def class_activation(formula: Formula, model: Classifier, batch: Batch, target: int) -> Tensor:
    """Return the maps (N, H, W) of a batch's valid views for class `target`, in the images' geometry.

    Args:
        formula: One of the functions above.
        model: A model, held still, whose encoder ends with a feature map.
        batch: Samples on the model's device.
        target: The class.
    """
    places = model.encoder.places(model.input_size)
    if places is None:
        raise ValueError("the encoder makes no map: methods_for(model) names the methods that work")
    activation, gradient = activation_and_gradient(places, model, batch, target)
    grid = formula(activation, gradient)[:, None]
    fitted = F.interpolate(grid, model.input_size, mode="bilinear").squeeze(1)
    height, width = batch["image"].shape[-2:]
    return undo_fit(fitted, (height, width))


def activation_and_gradient(
    places: Places, model: Classifier, batch: Batch, target: int
) -> tuple[Tensor, Tensor]:
    """Return the last map (N, K, h, w) of each valid view and the gradient of its sample's logit to it.

    The map is cut off from what made it, so that nothing of the trunk has to be kept for the gradient.
    """
    leaves: list[Tensor] = []

    def cut(_: object, inputs: object, output: Tensor) -> Tensor:
        leaves.append(output.detach().requires_grad_())
        return leaves[-1].clone()  # what follows may change it in place

    handle = places.layer.register_forward_hook(cut)
    try:
        with torch.enable_grad():
            logit = logit_of(model, model.encode_views(batch), batch, target)
            (gradient,) = torch.autograd.grad(logit.sum(), leaves[-1])
    finally:
        handle.remove()
    activation = leaves[-1].detach()
    if places.channels_last:
        return activation.movedim(-1, 1), gradient.movedim(-1, 1)
    return activation, gradient
