import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn

from bcdl.explain import explain
from bcdl.explain.cam import activation_and_gradient, grad_cam, grad_cam_pp, hires_cam, layer_cam
from bcdl.models import CNNRNN, Transfer
from bcdl.networks import Encoder
from bcdl.networks.stillness import held_still
from tests.explain.building import build, make_batch


def test_grad_cam_of_a_pooled_map_and_a_linear_head_is_as_calculated_by_hand() -> None:
    model, batch = build(), make_batch(views=1)
    images = batch["image"][:, 0]
    activation = model.encoder.trunk[:-1](images).detach()  # (B, K, 4, 2), which is then averaged
    weight = model.head.layers[-1].weight[0]
    by_hand = torch.einsum("k,bkhw->bhw", weight, activation).relu().detach() / 8
    enlarged = nn.functional.interpolate(by_hand[:, None], (32, 16), mode="bilinear")[:, 0]
    assert enlarged.amax((1, 2)).min() > 0
    maps = explain(model, batch, "grad_cam").maps
    assert torch.allclose(torch.from_numpy(maps[:, 0]), enlarged, atol=1e-6)


@pytest.mark.parametrize("model_class", [CNNRNN, Transfer])
def test_grad_cam_agrees_with_captum(model_class: type[CNNRNN]) -> None:
    model, batch = build(model_class), make_batch(size=2, views=3)
    batch["view_mask"][:] = True
    layer = model.encoder.trunk[-2]

    def logit(image: torch.Tensor) -> torch.Tensor:
        return model({**batch, "image": image})

    with held_still(model):
        image = batch["image"].clone().requires_grad_()
        theirs = LayerGradCam(lambda views: logit(views.view_as(image)), layer).attribute(
            image.flatten(0, 1), relu_attributions=True
        )
        places = model.encoder.places(model.input_size)
        ours = grad_cam(*activation_and_gradient(places, model, batch, 1))
    assert torch.allclose(ours, theirs.detach()[:, 0], atol=1e-7)


def test_hires_cam_is_each_places_exact_share_of_the_logit_and_here_the_same_as_grad_cam() -> None:
    model, batch = build(), make_batch(views=1)
    with held_still(model):
        places = model.encoder.places(model.input_size)
        activation, gradient = activation_and_gradient(places, model, batch, 1)
        shares = (activation * gradient).sum((1, 2, 3)) + model.head.layers[-1].bias
        assert torch.allclose(shares, model(batch), atol=1e-6)
    assert torch.allclose(hires_cam(activation, gradient), grad_cam(activation, gradient), atol=1e-7)


ACTIVATION = torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]])  # one image, two channels, a row of two places
GRADIENT = torch.tensor([[[[1.0, -2.0]], [[0.0, 4.0]]]])


def test_each_formula_is_as_calculated_by_hand() -> None:
    # mean gradients -0.5 and 2: -0.5 x 1 + 2 x 3 = 5.5; -0.5 x 2 + 2 x 0 = -1, which is cut off
    assert torch.equal(grad_cam(ACTIVATION, GRADIENT), torch.tensor([[[5.5, 0.0]]]))
    # 1 x 1 + 0 x 3; -2 x 2 + 4 x 0
    assert torch.equal(hires_cam(ACTIVATION, GRADIENT), torch.tensor([[[1.0, 0.0]]]))
    # without the negative gradient
    assert torch.equal(layer_cam(ACTIVATION, GRADIENT), torch.tensor([[[1.0, 0.0]]]))
    # alpha = 1 / (2 + sum x gradient): weights 1 / (2 + 3) x 1 and 1 / (2 + 3 x 4) x 4
    expected = torch.tensor([[[0.2 * 1 + 4 / 14 * 3, 0.2 * 2]]])
    assert torch.allclose(grad_cam_pp(ACTIVATION, GRADIENT), expected)


def test_a_place_without_gradient_gives_no_division_by_zero() -> None:
    nothing = torch.zeros_like(GRADIENT)
    for formula in (grad_cam, grad_cam_pp, hires_cam, layer_cam):
        assert torch.equal(formula(ACTIVATION, nothing), torch.zeros(1, 1, 2))


def test_a_map_lies_on_the_image_where_the_model_enlarges_and_pads_it() -> None:
    trunk = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.AdaptiveAvgPool2d(1))
    nn.init.ones_(trunk[0].weight)
    encoder = Encoder(trunk, name="looks_at_bright", dim=1, in_channels=1)
    model = build(encoder=encoder, input_size=(64, 96))  # the images of 32 x 16 become 64 x 32, in the middle
    nn.init.ones_(model.head.layers[-1].weight)
    batch = make_batch(size=1, views=1)
    batch["image"][:] = 0
    batch["image"][0, 0, 0, 20:22, 3:5] = 1
    found = explain(model, batch, "hires_cam").maps[0, 0]
    assert found.shape == (32, 16)
    assert found.argmax() in [row * 16 + column for row in (20, 21) for column in (3, 4)]
    assert found[found > found.max() / 2].size == 4
