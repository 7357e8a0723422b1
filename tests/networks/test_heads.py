from typing import Any

import pytest
import torch
from torch import Tensor

from bcdl.errors import UserError
from bcdl.networks import Decoder, Head, ViewSequence
from bcdl.networks.pooling import masked_mean, scatter_views, valid_views


def test_masked_mean_is_the_mean_of_the_valid_views() -> None:
    features = torch.tensor([[[1.0], [3.0], [100.0]], [[5.0], [0.0], [0.0]]])
    mask = torch.tensor([[True, True, False], [True, False, False]])
    assert masked_mean(features, mask).tolist() == [[2.0], [5.0]]


def test_views_are_selected_and_put_back_in_their_places() -> None:
    mask = torch.tensor([[True, False], [True, True]])
    image = torch.arange(4.0).view(2, 2, 1, 1, 1)
    valid = valid_views(image, mask)
    assert valid.flatten().tolist() == [0.0, 2.0, 3.0]
    assert scatter_views(valid.flatten(1), mask).squeeze(-1).tolist() == [[0.0, 0.0], [2.0, 3.0]]


@pytest.mark.parametrize(("classes", "shape"), [(2, (5,)), (4, (5, 4))])
def test_a_head_gives_one_logit_for_two_classes_and_k_for_k(classes: int, shape: tuple[int, ...]) -> None:
    assert Head(6, classes, hidden=[8, 7])(torch.randn(5, 6)).shape == shape


def test_a_head_keeps_full_precision_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert Head(6, 2)(torch.randn(5, 6).bfloat16()).dtype == torch.float32


def sequence(**settings: Any) -> ViewSequence:
    torch.manual_seed(0)
    return ViewSequence(3, num_views=4, num_sides=3, hidden=5, **settings).eval()


def inputs(views: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    index = torch.arange(views).expand(1, views) % 3
    return [
        torch.randn(1, views, 3, generator=generator),
        torch.ones(1, views, dtype=torch.bool),
        index,
        index,
        index.float(),
    ]


@pytest.mark.parametrize("settings", [{}, {"cell": "lstm"}, {"bidirectional": True, "layers": 2}])
def test_a_gap_anywhere_is_as_if_the_view_were_not_there(settings: dict[str, Any]) -> None:
    rnn = sequence(**settings)
    whole = inputs(4)
    whole[1][0, 1] = False
    without = [values[:, [0, 2, 3]] for values in whole]
    assert torch.allclose(rnn(*whole), rnn(*without), atol=1e-6)


@pytest.mark.parametrize("changed", [2, 3, 4], ids=["view", "side", "time"])
def test_view_side_and_time_matter(changed: int) -> None:
    rnn, given = sequence(), inputs(3)
    other = list(given)
    other[changed] = given[changed].flip(1)
    assert not torch.equal(rnn(*given), rnn(*other))


def test_the_order_of_views_matters() -> None:
    rnn, given = sequence(), inputs(3)
    assert not torch.allclose(rnn(*given), rnn(*[values.flip(1) for values in given]))


def test_an_unknown_cell_is_refused() -> None:
    with pytest.raises(UserError, match="gru, lstm, found 'elman'"):
        sequence(cell="elman")


@pytest.mark.parametrize("size", [(16, 16), (28, 28), (128, 64), (33, 17)])
def test_a_decoder_gives_images_of_any_size(size: tuple[int, int]) -> None:
    assert Decoder(6, 3, size, widths=(8, 4))(torch.randn(2, 6)).shape == (2, 3, *size)
