from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from bcdl.explain import METHODS, explain, methods_for
from bcdl.models import CNN, CNNRNN, Autoencoder, Classifier, Transfer
from bcdl.networks import TimmEncoder, TorchvisionEncoder
from tests.explain.building import build, make_batch, tiny_vit

MODELS: dict[str, Callable[[], Classifier]] = {
    "cnn": lambda: build(CNN),
    "cnn_of_three_classes": lambda: build(CNN, classes=3),
    "cnn_rnn": lambda: build(CNNRNN, state=8),
    "lstm": lambda: build(CNNRNN, state=8, cell="lstm", layers=2, bidirectional=True),
    "autoencoder": lambda: build(Autoencoder, latent=5),
    "variational": lambda: build(Autoencoder, latent=5, variational=True),
    "fine_tune": lambda: build(Transfer),
    "feature_extraction": lambda: frozen(build(Transfer, mode="feature_extraction")),
    "separate_classifier": lambda: fitted(build(Transfer, mode="separate_classifier")),
    "vit": lambda: build(CNNRNN, tiny_vit(), state=8),
    "timm_cnn": lambda: build(CNN, TimmEncoder("test_resnet")),
    "timm_vit": lambda: build(CNN, TimmEncoder("test_vit")),
}


def frozen(model: Classifier) -> Classifier:
    model.encoder.requires_grad_(False)
    return model


def fitted(model: Classifier) -> Classifier:
    model.head.collect(torch.randn(20, 8), torch.arange(20) % 2)
    model.head.fit()
    return model


BACKBONES: dict[str, Callable[[], Classifier]] = {
    "resnet18": lambda: build(CNN, TorchvisionEncoder("resnet18")),
    "swin": lambda: build(CNN, TorchvisionEncoder("swin_t")),
}


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> Classifier:
    return MODELS[request.param]()


def test_every_method_of_every_model_gives_finite_maps_and_nothing_where_views_are_missing(
    model: Classifier,
) -> None:
    batch = make_batch()
    assert methods_for(model)
    for method in methods_for(model):
        explanation = explain(model, batch, method)
        assert explanation.maps.shape == (3, 4, 32, 16)
        assert explanation.maps.dtype == np.float32
        assert np.isfinite(explanation.maps).all()
        assert not explanation.maps[~batch["view_mask"].numpy()].any()
        assert explanation.method == method
        assert explanation.maps[2].std() > 0 or method in ("grad_cam", "hires_cam")  # all may speak against


@pytest.mark.parametrize("name", BACKBONES)
def test_backbones_have_maps_of_their_last_layer(name: str) -> None:
    batch = make_batch(size=2, views=2)
    maps = explain(BACKBONES[name](), batch, "layer_cam").maps
    assert maps.shape == (2, 2, 32, 16)
    assert np.isfinite(maps).all()
    assert not maps[~batch["view_mask"].numpy()].any()
    assert (maps.std((2, 3)) > 0).tolist() == batch["view_mask"].tolist()


@pytest.mark.parametrize("method", METHODS)
def test_the_same_batch_gives_the_same_maps(method: str) -> None:
    model = build(CNN, tiny_vit()) if method == "attention_rollout" else build(Autoencoder, variational=True)
    first, second = (explain(model, make_batch(), method).maps for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("method", METHODS)
def test_a_samples_maps_do_not_depend_on_the_rest_of_its_batch(method: str) -> None:
    model = build(CNN, tiny_vit()) if method == "attention_rollout" else build(Autoencoder)
    batch = make_batch(size=9)  # more views than are explained at once
    alone = {name: value[5:6] for name, value in batch.items()}
    assert explain(model, alone, method).maps[0] == pytest.approx(
        explain(model, batch, method).maps[5], abs=1e-5
    )


@pytest.mark.parametrize("method", METHODS)
def test_the_model_is_left_as_it_was(method: str) -> None:
    vit = method == "attention_rollout"
    model = build(CNN, tiny_vit()) if vit else build(Autoencoder, variational=True)
    model.train()
    model.encoder.stages[0][0].eval().requires_grad_(False)  # a frozen stage
    modes = [module.training for module in model.modules()]
    learning = [parameter.requires_grad for parameter in model.parameters()]
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    explain(model, make_batch(), method)
    assert [module.training for module in model.modules()] == modes
    assert [parameter.requires_grad for parameter in model.parameters()] == learning
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks
        for module in model.modules()
    )
    assert all("forward" not in vars(module) for module in model.modules())


def test_a_method_that_fails_leaves_the_model_as_it_was_too() -> None:
    model = build().train()
    with pytest.raises(ZeroDivisionError):
        explain(model, make_batch(), lambda model, batch, target: 1 // 0)
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion"])
def test_of_two_classes_what_speaks_for_one_speaks_against_the_other(method: str) -> None:
    model, batch = build(CNNRNN, state=8), make_batch()
    positive, negative = (explain(model, batch, method, target).maps for target in (1, 0))
    assert positive == pytest.approx(-negative, abs=1e-6)


def test_of_three_classes_each_has_its_own_maps() -> None:
    maps = [explain(build(classes=3), make_batch(), "layer_cam", target).maps for target in range(3)]
    assert not np.allclose(maps[0], maps[1])
    assert not np.allclose(maps[1], maps[2])


def test_gradients_reach_a_map_inside_a_frozen_encoder() -> None:
    maps = [explain(made, make_batch(), "layer_cam").maps for made in (build(), frozen(build()))]
    assert np.array_equal(*maps)
    assert maps[0].any()


def test_a_caller_without_gradients_gets_the_same_maps() -> None:
    model, batch = build(), make_batch()
    expected = explain(model, batch, "layer_cam").maps
    with torch.no_grad():
        assert np.array_equal(explain(model, batch, "layer_cam").maps, expected)


def test_a_function_takes_the_place_of_a_method() -> None:
    def brightness(model: nn.Module, batch: dict[str, torch.Tensor], target: int) -> torch.Tensor:
        return batch["image"][batch["view_mask"]].mean(1)

    batch = make_batch()
    explanation = explain(build(), batch, brightness)
    assert explanation.method == "brightness"
    assert np.array_equal(explanation.maps, batch["image"][:, :, 0].numpy())
