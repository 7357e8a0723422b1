"""The methods by name, and which of them work for a model."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from bcdl.data.batch import Batch
from bcdl.errors import UserError, nearest
from bcdl.explain.cam import Formula, class_activation, grad_cam, grad_cam_pp, hires_cam, layer_cam
from bcdl.explain.perturbation import integrated_gradients, occlusion
from bcdl.explain.reconstruction import reconstruction_error
from bcdl.explain.rollout import attends, attention_rollout
from bcdl.models import Autoencoder, Classifier

MapFunction = Callable[[Classifier, Batch, int], Tensor]
"""Model held still, batch, class -> maps (N, H, W) of the valid views, in the order of `valid_views`."""


@dataclass(frozen=True)
class Method:
    """A method.

    Attributes:
        maps: Computes them.
        needs: What it takes, as a part of a sentence.
        works: Whether it works for a model of images.
        captum: Whether it is computed by captum.
        costly: Whether it takes a hundred passes a view or more.
    """

    maps: MapFunction
    needs: str
    works: Callable[[Classifier], bool]
    captum: bool = False
    costly: bool = False


def methods_for(model: Classifier) -> tuple[str, ...]:
    """Return the names of the methods that work for a model."""
    if model.encoder.reads != "image":
        return ()
    return tuple(name for name, method in METHODS.items() if method.works(model))


def usual_methods(model: Classifier) -> tuple[str, ...]:
    """Return the methods that work for a model but for the costly ones; those where no other works."""
    working = methods_for(model)
    return tuple(name for name in working if not METHODS[name].costly) or working


def method_for(model: Classifier, name: str) -> Method:
    """Return a method by name.

    Raises:
        UserError: Unknown name, or a method that does not work for the model.
    """
    if name not in METHODS:
        raise UserError(
            f"expected a method among {', '.join(METHODS)}, found '{name}'.{nearest(name, METHODS)}"
        )
    described = f"{type(model).__name__} over {model.encoder.name}"
    if model.encoder.reads != "image":
        raise UserError(
            f"{name} explains images, but {described} reads features: maps work for encoders of images; "
            "view contributions and neighbours work for this model"
        )
    if not METHODS[name].works(model):
        raise UserError(
            f"{name} needs {METHODS[name].needs}, which {described} has not; methods that work for this "
            f"model: {', '.join(methods_for(model))}"
        )
    return METHODS[name]


def _has_gradients(model: Classifier) -> bool:
    return model.differentiable


def _has_map(model: Classifier) -> bool:
    places = model.encoder.places(model.input_size)
    return model.differentiable and places is not None and not places.tokens


def _cam(formula: Formula) -> Method:
    needs = "logits with gradients and a last feature map of the encoder"
    return Method(partial(class_activation, formula), needs, _has_map)


METHODS = {
    "grad_cam": _cam(grad_cam),
    "grad_cam_pp": _cam(grad_cam_pp),
    "hires_cam": _cam(hires_cam),
    "layer_cam": _cam(layer_cam),
    "integrated_gradients": Method(
        integrated_gradients, "logits with gradients", _has_gradients, captum=True
    ),
    "occlusion": Method(occlusion, "images", lambda model: True, captum=True, costly=True),
    "attention_rollout": Method(
        attention_rollout,
        "a vision transformer whose layers attend to all patches",
        lambda model: attends(model) is not None,
    ),
    "reconstruction_error": Method(
        reconstruction_error,
        "the decoder of model=autoencoder",
        lambda model: isinstance(model, Autoencoder),
    ),
}
