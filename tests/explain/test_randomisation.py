import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bcdl.errors import UserError
from bcdl.explain import CUTOFF, randomisation_check
from bcdl.explain.randomisation import rank_correlation
from bcdl.models import CNN, CNNRNN, Autoencoder, Transfer
from bcdl.networks import TorchvisionEncoder
from tests.explain.building import build, make_batch, tiny_vit


def edges(model: nn.Module, batch: dict[str, Tensor], target: int) -> Tensor:
    """An edge detector that poses as an explanation."""
    image = batch["image"][batch["view_mask"]].mean(1, keepdim=True)
    kernel = torch.tensor([[[[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]]])
    return nn.functional.conv2d(image, kernel, padding=1)[:, 0]


def test_an_edge_detector_fails() -> None:
    check = randomisation_check(build(CNNRNN, state=8), make_batch(), edges)
    assert check.table["correlation"].tolist() == pytest.approx([1.0] * len(check.table))
    assert not check.passed
    assert check.cutoff == CUTOFF


@pytest.mark.parametrize(
    "method", ["grad_cam", "grad_cam_pp", "hires_cam", "layer_cam", "integrated_gradients"]
)
def test_maps_that_follow_gradients_pass(method: str) -> None:
    check = randomisation_check(build(CNNRNN, state=8), make_batch(), method)
    assert check.passed
    assert check.table["correlation"].iloc[-1] < CUTOFF


def test_parameters_are_drawn_from_the_head_down_in_a_table_of_steps() -> None:
    check = randomisation_check(build(CNNRNN, state=8), make_batch(), "layer_cam")
    stages = [f"encoder stage {number}" for number in (6, 5, 4, 3, 2, 1)]
    steps = check.table["randomised"].tolist()
    assert steps[:2] == ["head", "features to head"]
    assert steps[2:] == stages[-len(steps[2:]) :]
    few = randomisation_check(build(CNNRNN, state=8), make_batch(), "layer_cam", stages=1)
    assert few.table.equals(check.table[:3])


def test_what_maps_have_in_common_whatever_the_view_is_told() -> None:
    def centre(model: nn.Module, batch: dict[str, Tensor], target: int) -> Tensor:
        ramp = torch.linspace(-1, 1, 32)[:, None] + torch.linspace(-1, 1, 16)
        return -ramp.abs().expand(int(batch["view_mask"].sum()), 32, 16)

    assert randomisation_check(build(), make_batch(), centre, draws=1).unrelated == pytest.approx(1.0)
    assert abs(randomisation_check(build(), make_batch(), edges, draws=1).unrelated) < 0.1


@pytest.mark.parametrize("model_class", [CNN, CNNRNN, Autoencoder, Transfer])
def test_the_model_is_what_it_was_to_the_bit(model_class: type[CNN]) -> None:
    model = build(model_class).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    randomisation_check(model, make_batch(), "layer_cam")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training


def test_a_seed_decides_what_is_drawn() -> None:
    model, batch = build(), make_batch()
    first, again, other = (
        randomisation_check(model, batch, "layer_cam", seed=seed).table for seed in (0, 0, 1)
    )
    assert first.equals(again)
    assert not first.equals(other)


@pytest.mark.parametrize(
    ("encoder", "method"),
    [(tiny_vit, "attention_rollout"), (lambda: TorchvisionEncoder("resnet18"), "layer_cam")],
)
def test_maps_of_backbones_do_not_vanish_with_their_parameters(encoder: object, method: str) -> None:
    check = randomisation_check(build(CNN, encoder()), make_batch(), method, draws=1)
    assert check.table["correlation"].between(-1, 1).all()
    assert (check.table["correlation"] != 0).all()  # a map that vanished would have 0


def test_a_map_that_becomes_the_same_everywhere_has_nothing_in_common() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert rank_correlation(values, values**2) == pytest.approx(1.0)
    assert rank_correlation(values, -values) == pytest.approx(-1.0)
    assert rank_correlation(values, np.ones_like(values)) == 0.0


def test_a_method_without_anything_to_compare_is_refused() -> None:
    with pytest.raises(UserError, match="the same everywhere in all views"):
        randomisation_check(build(), make_batch(), lambda model, batch, _: torch.ones(8, 32, 16))
