from pathlib import Path

import pytest
import torch
import torchvision

from bcdl.errors import UserError
from bcdl.networks import EfficientNetLite0, SmallCNN, TorchvisionEncoder


def test_weights_come_from_a_state_dict_of_the_library_with_its_classifier(tmp_path: Path) -> None:

    library = torchvision.models.resnet18(weights=None)
    torch.save(library.state_dict(), tmp_path / "library.pt")
    encoder = TorchvisionEncoder("resnet18", in_channels=3, weights=tmp_path / "library.pt")
    assert torch.equal(encoder.trunk.layer4[1].conv2.weight, library.layer4[1].conv2.weight)


def test_weights_come_from_a_checkpoint_of_a_run(tmp_path: Path) -> None:
    encoder = SmallCNN()
    encoder.gain.fill_(0.5)
    state = {f"encoder.{name}": value for name, value in encoder.state_dict().items()} | {
        "head.bias": torch.ones(1)
    }
    torch.save(
        {"state_dict": state, "architecture": {"model": "CNN", "encoder": "small_cnn"}}, tmp_path / "run.ckpt"
    )
    loaded = SmallCNN(weights=tmp_path / "run.ckpt")
    assert all(torch.equal(a, b) for a, b in zip(loaded.state_dict().values(), state.values(), strict=False))


def test_weights_of_one_s_own_keep_their_scale(tmp_path: Path) -> None:
    torch.save(EfficientNetLite0(pretrained=False).state_dict(), tmp_path / "own.pt")
    loaded = EfficientNetLite0(weights=tmp_path / "own.pt")
    assert (loaded.gain, loaded.offset) == (1, 0)


def test_another_architecture_is_refused_with_both_names_and_the_first_keys(tmp_path: Path) -> None:
    state = {f"encoder.{name}": value for name, value in SmallCNN().state_dict().items()}
    torch.save(
        {"state_dict": state, "architecture": {"model": "CNN", "encoder": "small_cnn"}}, tmp_path / "run.ckpt"
    )
    with pytest.raises(
        UserError, match=r"expected those of resnet18, found small_cnn in .*missing \['trunk.conv1"
    ):
        TorchvisionEncoder("resnet18", weights=tmp_path / "run.ckpt")


def test_another_width_is_refused_by_shape(tmp_path: Path) -> None:
    torch.save(SmallCNN().state_dict(), tmp_path / "wide.pt")
    with pytest.raises(UserError, match=r"of other shape \['trunk.0.0.weight'"):
        SmallCNN(widths=(8, 16, 32, 64), weights=tmp_path / "wide.pt")


def test_missing_and_corrupt_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"found none at .*gone.ckpt"):
        SmallCNN(weights=tmp_path / "gone.ckpt")
    (tmp_path / "broken.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match=r"broken.ckpt' cannot be read"):
        SmallCNN(weights=tmp_path / "broken.ckpt")


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": SmallCNN}, tmp_path / "code.ckpt")
    with pytest.raises(UserError, match="cannot be read"):
        SmallCNN(weights=tmp_path / "code.ckpt")
