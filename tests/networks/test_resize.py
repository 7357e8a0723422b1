from typing import Any

import pytest
import torch

from bcdl.errors import UserError
from bcdl.networks import SmallCNN, TorchvisionEncoder
from bcdl.networks.resize import fit_to, input_size_for, undo_fit


def test_auto_leaves_large_images_and_enlarges_small_ones_in_proportion() -> None:
    encoder = TorchvisionEncoder("squeezenet1_1")
    assert input_size_for(encoder, (256, 128), "auto") == (256, 128)
    assert input_size_for(encoder, (28, 28), "auto") == (64, 64)
    assert input_size_for(encoder, (64, 32), "auto") == (128, 64)


def test_a_given_size_is_taken_and_null_leaves_the_images() -> None:
    assert input_size_for(SmallCNN(), (28, 28), [112, 96]) == (112, 96)
    assert input_size_for(SmallCNN(), (28, 28), None) == (28, 28)


def test_a_size_that_the_backbone_cannot_take_is_refused_with_a_remedy() -> None:
    with pytest.raises(UserError, match=r"squeezenet1_1 cannot take images of 8 x 8.*auto.*64 x 64"):
        input_size_for(TorchvisionEncoder("squeezenet1_1"), (28, 28), [8, 8])


@pytest.mark.parametrize("wanted", ["large", [28], [0, 28]])
def test_other_settings_are_refused(wanted: Any) -> None:
    with pytest.raises(UserError, match="auto, null or"):
        input_size_for(SmallCNN(), (28, 28), wanted)


def test_an_image_is_resized_and_padded_with_its_darkest_value() -> None:
    image = torch.full((1, 1, 8, 4), 2.0)
    image[..., 0, 0] = -1.0
    fitted = fit_to(image, (16, 16))
    assert fitted.shape == (1, 1, 16, 16)
    assert torch.all(fitted[..., :4] == -1.0)
    assert torch.all(fitted[..., 12:] == -1.0)
    assert torch.all(fitted[..., 8:, 4:12] == 2.0)


def test_the_same_size_is_the_same_tensor() -> None:
    image = torch.randn(1, 1, 8, 4)
    assert fit_to(image, (8, 4)) is image


@pytest.mark.parametrize("size", [(32, 40), (32, 16), (8, 4), (64, 20)])
def test_a_map_of_a_fitted_image_comes_back_onto_the_image(size: tuple[int, int]) -> None:
    ramp = torch.linspace(0, 1, 16)[:, None] + torch.linspace(0, 2, 8)
    fitted = fit_to(ramp[None, None], size)[:, 0]
    back = undo_fit(fitted, (16, 8))
    assert back.shape == (1, 16, 8)
    assert torch.allclose(back[0, 2:-2, 2:-2], ramp[2:-2, 2:-2], atol=0.05)


def test_a_map_of_an_image_that_fitted_is_the_same_tensor() -> None:
    maps = torch.randn(1, 8, 4)
    assert undo_fit(maps, (8, 4)) is maps
