import numpy as np
import pytest
import torch
from torch import Tensor

from bcdl.features import FEATURES, feature_table
from bcdl.networks import RadiomicsEncoder


@pytest.fixture
def images() -> Tensor:
    """Grey levels of 8 bit that use their whole range, (3, 1, 24, 16)."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (3, 1, 24, 16), generator=generator).float()
    images[..., 0, 0], images[..., 0, 1] = 0, 255
    return images


@pytest.mark.parametrize("channels", [1, 3])
def test_normalised_images_have_the_features_of_the_raw_ones(images: Tensor, channels: int) -> None:
    normalised = (images.expand(-1, channels, -1, -1) - 71.3) / 46.9
    found = RadiomicsEncoder(channels)(normalised)
    assert np.array_equal(found.numpy(), feature_table(images[:, 0].byte().numpy()))
    assert found.dtype == torch.float32


def test_an_image_s_features_do_not_depend_on_its_batch(images: Tensor) -> None:
    images = images * torch.tensor([1.0, 5.0, 0.1]).view(3, 1, 1, 1)
    encoder = RadiomicsEncoder()
    assert torch.equal(encoder(images)[1:], torch.cat([encoder(images[1:2]), encoder(images[2:])]))


def test_it_learns_nothing_and_has_no_stage_to_unfreeze() -> None:
    encoder = RadiomicsEncoder()
    assert list(encoder.parameters()) == []
    assert [p for stage in encoder.stages for module in stage for p in module.parameters()] == []


def test_no_image_and_an_even_image_are_taken() -> None:
    encoder = RadiomicsEncoder()
    assert encoder(torch.zeros(0, 1, 8, 8)).shape == (0, len(FEATURES)) == (0, encoder.dim)
    assert not encoder(torch.full((2, 1, 8, 8), -3.5)).any()
