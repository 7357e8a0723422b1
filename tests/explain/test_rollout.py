import pytest
import torch

from bcdl.explain import explain
from bcdl.explain.rollout import attends, rollout
from bcdl.networks import TimmEncoder
from tests.explain.building import build, make_batch, tiny_vit


def test_rollout_is_as_calculated_by_hand() -> None:
    first = torch.tensor([[[1.0, 0.0], [0.5, 0.5]]])
    second = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    # with the residual connections: [[1, 0], [.25, .75]] and [[.5, .5], [.5, .5]]; the later from the left
    assert torch.allclose(rollout([first, second]), torch.tensor([[[0.625, 0.375], [0.625, 0.375]]]))


def test_rows_of_a_rollout_sum_up_to_one() -> None:
    layers = [torch.rand(2, 5, 5).softmax(-1) for _ in range(3)]
    assert torch.allclose(rollout(layers).sum(-1), torch.ones(2, 5))


def test_no_attention_has_no_rollout() -> None:
    with pytest.raises(ValueError, match="at least one layer"):
        rollout([])


def test_recorded_attention_is_the_layers_own_and_leaves_the_output_alone() -> None:
    encoder = tiny_vit().eval()
    image = torch.randn(2, 1, 32, 32)
    inputs = []
    layer = encoder.trunk.encoder.layers[0].self_attention
    expected = encoder(image)
    with torch.no_grad(), encoder.attention() as seen:
        handle = layer.register_forward_pre_hook(lambda _, given: inputs.append(given))
        assert torch.allclose(encoder(image), expected, atol=1e-6)
        handle.remove()
    assert [attention.shape for attention in seen] == [(2, 17, 17)] * 2
    assert torch.allclose(seen[0], layer(*inputs[0])[1], atol=1e-6)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in encoder.modules())


def test_attention_of_timm_is_recorded_and_its_layers_are_fused_again() -> None:
    encoder = TimmEncoder("test_vit").eval()
    image = torch.randn(1, 1, 160, 160)
    expected = encoder(image)
    with torch.no_grad(), encoder.attention() as seen:
        assert torch.allclose(encoder(image), expected, atol=1e-5)
    assert all(torch.allclose(attention.sum(-1), torch.ones(1, 101)) for attention in seen)
    assert all(layer.fused_attn for layer in encoder.modules() if hasattr(layer, "fused_attn"))
    assert attends(build(encoder=encoder)).grid == (10, 10)


def test_the_map_is_the_class_tokens_row_on_the_images_own_places() -> None:
    model, batch = build(encoder=tiny_vit()), make_batch(size=1, views=1)
    maps = explain(model, batch, "attention_rollout").maps
    assert maps.shape == (1, 1, 32, 16)
    with torch.no_grad(), model.encoder.attention() as seen:
        model(batch)
    patches = rollout(seen)[0, 0, 1:].reshape(4, 4)
    # the image of 32 x 16 lies in columns 8 to 24 of 32 x 32; the centre of the second patch is at 12
    assert maps[0, 0, 3:5, 3:5].mean() == pytest.approx(patches[0, 1].item(), rel=0.1)
