import subprocess
import sys
from functools import partial

import pytest
import torch
from torch import Tensor

from bcdl.errors import UserError
from bcdl.explain import explain, integrated_gradients, occlusion
from bcdl.explain.baselines import BASELINES, baseline
from bcdl.models import CNNRNN
from tests.explain.building import build, linear_model, make_batch


@pytest.mark.parametrize("kind", BASELINES)
def test_integrated_gradients_sum_up_to_the_difference_of_the_logits(kind: str) -> None:
    model, batch = build(CNNRNN, state=8), make_batch()
    method = partial(integrated_gradients, kind=kind, steps=200)
    without = baseline(batch["image"].flatten(0, 1), kind).view_as(batch["image"])
    difference = model(batch) - model({**batch, "image": without})
    total = explain(model, batch, method).maps.sum((1, 2, 3))
    assert total == pytest.approx(difference.detach().numpy(), rel=0.02)


def test_integrated_gradients_of_a_linear_model_are_weight_times_difference() -> None:
    weight = torch.randn(32, 16, generator=torch.Generator().manual_seed(1))
    batch = make_batch(views=1)
    image = batch["image"][:, 0, 0]
    expected = weight * (image - image.amin((1, 2), keepdim=True))
    maps = explain(linear_model(weight), batch, "integrated_gradients").maps[:, 0]
    assert torch.allclose(torch.from_numpy(maps), expected, atol=1e-4)


def region_model() -> tuple[object, Tensor]:
    weight = torch.zeros(32, 16)
    weight[8:12, 4:8] = 1.0
    return linear_model(weight), weight


def test_occlusion_finds_the_region_that_a_linear_model_uses() -> None:
    model, weight = region_model()
    batch = make_batch(size=2, views=1)
    batch["image"][:] = -1.0
    batch["image"][:, :, :, 8:12, 4:8] = 1.0
    method = partial(occlusion, window=4, stride=4, kind="dark")
    maps = explain(model, batch, method).maps[:, 0]
    expected = 32.0 * weight.numpy()  # 16 pixels fall from 1 to -1
    assert maps == pytest.approx(expected[None].repeat(2, 0))


def test_overlapping_windows_are_averaged() -> None:
    model, _ = region_model()
    batch = make_batch(size=1, views=1)
    batch["image"][:] = -1.0
    batch["image"][:, :, :, 8:12, 4:8] = 1.0
    maps = explain(model, batch, partial(occlusion, window=4, stride=2, kind="dark")).maps[0, 0]
    assert maps[8:12, 4:8].min() > 2 * maps[6:8, 4:8].max() > 0
    assert maps[:6].max() == maps[14:].max() == 0


def test_occlusion_is_what_hiding_a_window_in_the_whole_sample_gives() -> None:
    model, batch = build(CNNRNN, state=8), make_batch()
    maps = explain(model, batch, partial(occlusion, window=16, stride=16, kind="mean")).maps
    changed = {**batch, "image": batch["image"].clone()}
    changed["image"][2, 3, :, 16:32] = batch["image"][2, 3].mean()
    difference = (model(batch) - model(changed))[2].item()
    assert maps[2, 3, 16:] == pytest.approx(difference, abs=1e-5)


def test_an_unknown_baseline_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"among dark, mean, blur, found 'blurr'. Did you mean 'blur'"):
        explain(build(), make_batch(), partial(occlusion, kind="blurr"))


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion"])
def test_without_the_extra_it_is_said_which_to_install(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(UserError, match=r"need the package captum: pip install 'bcdl\[explain\]'"):
        explain(build(), make_batch(), method)


@pytest.mark.slow
def test_the_package_does_not_import_captum() -> None:
    code = "import bcdl.explain, sys; sys.exit('captum' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
