import pytest
import torch

from bcdl.networks import RadiomicsEncoder, SmallCNN, TimmEncoder, TorchvisionEncoder

LIGHT = ["resnet18", "mobilenet_v3_small", "squeezenet1_0", "swin_t"]
HEAVY = ["densenet121", "convnext_tiny", "vgg11", "googlenet", "efficientnet_b0", "maxvit_t"]
FAMILIES = [*LIGHT, *(pytest.param(name, marks=pytest.mark.slow) for name in HEAVY)]
SIZES = {"maxvit_t": (224, 224)}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_convolutional_family_ends_with_a_map_of_the_images_proportions(name: str) -> None:
    size = SIZES.get(name, (192, 96))
    places = TorchvisionEncoder(name).places(size)
    stride = 16 if name.startswith("squeezenet") else 32
    assert places.grid == pytest.approx((size[0] / stride, size[1] / stride), abs=1)
    assert not places.tokens
    assert not places.channels_last


@pytest.mark.parametrize("name", ["resnet18", "swin_t"])
def test_the_map_is_what_the_features_are_the_mean_of(name: str) -> None:
    encoder = TorchvisionEncoder(name).eval()
    image = torch.randn(1, 1, 96, 64)
    seen = []
    encoder.places((96, 64)).layer.register_forward_hook(lambda _, inputs, output: seen.append(output))
    features = encoder(image)
    assert torch.allclose(seen[0].mean((2, 3)), features, atol=1e-5)


def test_a_vision_transformer_embeds_patches_in_a_map_that_tokens_follow() -> None:
    places = TimmEncoder("test_vit").places((160, 160))
    assert (places.grid, places.tokens) == ((10, 10), 101)


@pytest.mark.slow
def test_a_map_with_its_channels_last_is_known_by_its_features() -> None:
    places = TimmEncoder("swin_tiny_patch4_window7_224").places((224, 224))
    assert (places.grid, places.channels_last, places.tokens) == ((7, 7), True, 0)


def test_features_of_a_table_have_no_places() -> None:
    assert RadiomicsEncoder().places((64, 32)) is None


def test_looking_leaves_modes_statistics_and_hooks_alone() -> None:
    encoder = SmallCNN(widths=(4, 8)).train()
    encoder.trunk[0].eval().requires_grad_(False)
    state = {name: value.clone() for name, value in encoder.state_dict().items()}
    encoder.places((32, 16))
    assert [module.training for module in encoder.trunk[:2]] == [False, True]
    assert [parameter.requires_grad for parameter in encoder.parameters()].count(False) == 6
    assert all(torch.equal(value, state[name]) for name, value in encoder.state_dict().items())
    assert not any(module._forward_hooks for module in encoder.modules())
