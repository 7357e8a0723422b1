import pytest
import torch
from torch import nn

from bcdl.explain import explain
from bcdl.models import Autoencoder
from tests.explain.building import build, make_batch


def test_the_map_is_the_squared_error_of_each_pixel() -> None:
    model, batch = build(Autoencoder, latent=5, channels=3), make_batch(channels=3)
    maps = explain(model, batch, "reconstruction_error").maps
    image = batch["image"][2, 3][None]
    error = (model.decoder(model.encode(image)) - image).square().mean(1)
    assert torch.allclose(torch.from_numpy(maps[2, 3]), error[0].detach(), atol=1e-5)


def test_what_is_not_rebuilt_stands_out_where_it_is() -> None:
    model = build(Autoencoder, latent=5, reconstruction_side=16, image_size=(32, 32))
    nn.init.zeros_(model.decoder.blocks[-1].weight)
    nn.init.zeros_(model.decoder.blocks[-1].bias)
    batch = make_batch(size=1, views=1)
    batch["image"] = torch.zeros(1, 1, 1, 32, 32)
    batch["image"][..., 8:12, 20:24] = 2.0
    found = explain(model, batch, "reconstruction_error").maps[0, 0]
    assert found[8:12, 20:24].min() > 1.0
    assert found[:4].max() == pytest.approx(0, abs=1e-6)
