from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bcdl.models import Autoencoder

Make = Callable[..., Any]


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(before: dict[str, Tensor], module: nn.Module) -> bool:
    return all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_pre_training_learns_from_unlabelled_images_and_leaves_the_classifier_alone(
    build: Make, batches: Make, fit: Make
) -> None:
    data = batches()
    for batch in data:
        batch["label"] = torch.full_like(batch["label"], -1)
    model = build(Autoencoder, latent=5, pretrain_epochs=2, optimizer=torch.optim.SGD)
    head, encoder, decoder = state(model.head), state(model.encoder), state(model.decoder)
    trainer = fit(model, data, max_epochs=2)
    assert same(head, model.head)
    assert not same(encoder, model.encoder)
    assert not same(decoder, model.decoder)
    assert "train/reconstruction" in trainer.callback_metrics
    assert "train/loss" not in trainer.callback_metrics


def test_reconstruction_gets_better(build: Make, batches: Make, fit: Make) -> None:
    model = build(Autoencoder, latent=16, pretrain_epochs=25)
    data = batches(2)
    first = fit(build(Autoencoder, latent=16, pretrain_epochs=25), data).callback_metrics[
        "train/reconstruction"
    ]
    last = fit(model, data, max_epochs=25).callback_metrics["train/reconstruction"]
    assert last < 0.9 * first


def test_the_classifier_learns_after_pre_training(build: Make, batches: Make, fit: Make) -> None:
    model = build(Autoencoder, latent=5, pretrain_epochs=1)
    head = state(model.head)
    trainer = fit(model, batches(), max_epochs=2)
    assert not same(head, model.head)
    assert "train/auroc" in trainer.callback_metrics


def test_a_frozen_encoder_stays_as_pre_trained(build: Make, batches: Make, fit: Make) -> None:
    data = batches()
    short = build(Autoencoder, latent=5, pretrain_epochs=1, freeze_pretrained=True, optimizer=torch.optim.SGD)
    short.make_scheduler = None
    fit(short, data)
    long = build(Autoencoder, latent=5, pretrain_epochs=1, freeze_pretrained=True, optimizer=torch.optim.SGD)
    long.make_scheduler = None
    fit(long, data, max_epochs=3)
    assert same(state(short.encoder), long.encoder)
    assert not same(state(short.head), long.head)


def test_a_variational_code_is_drawn_in_training_and_its_mean_in_evaluation(
    build: Make, batches: Make
) -> None:
    model = build(Autoencoder, latent=5, variational=True)
    parameters = torch.zeros(2, 10)
    assert not torch.equal(model.sample(parameters), model.sample(parameters))
    batch = batches(1)[0]
    assert torch.equal(model.eval()(batch), model(batch))


def test_the_divergence_is_zero_for_the_standard_normal_and_positive_elsewhere(build: Make) -> None:
    model = build(Autoencoder, latent=5, variational=True, kl_weight=1.0)
    image, code = torch.zeros(2, 1, 16, 16), torch.zeros(2, 5)
    standard = model.eval().reconstruction_loss(image, torch.zeros(2, 10), code)
    shifted = model.reconstruction_loss(image, torch.tensor([[1.0] * 5 + [0.0] * 5] * 2), code)
    assert (shifted - standard).item() == pytest.approx(0.5)


def test_large_images_are_reconstructed_at_reduced_size(build: Make) -> None:
    model = build(Autoencoder, image_size=(2048, 1024), latent=5, reconstruction_side=64)
    assert model.decoder.size == (64, 32)
