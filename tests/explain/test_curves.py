import numpy as np
import pytest
import torch

from bcdl.errors import UserError
from bcdl.explain import deletion_curve, insertion_curve
from bcdl.explain.curves import exchange_curve, exchange_order
from tests.explain.building import build, linear_model, make_batch


def test_curves_of_a_model_that_counts_pixels_are_as_calculated_by_hand() -> None:
    image = torch.zeros(1, 1, 1, 2, 4)
    image[..., 0, :] = 1.0  # the model's probability is the share of these four that are there
    good = torch.tensor(exchange_order(image[:, :, 0].numpy(), np.ones((1, 1), bool)))
    bad = torch.tensor(exchange_order(-image[:, :, 0].numpy(), np.ones((1, 1), bool)))

    def predict(images: torch.Tensor) -> torch.Tensor:
        return images.sum((1, 2, 3, 4)) / 4

    nothing = torch.zeros_like(image)
    deletion = exchange_curve(predict, image, nothing, good, 4)
    assert deletion.share.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert deletion.probability.tolist() == [[1, 0.5, 0, 0, 0]]
    assert deletion.area.tolist() == [0.25]
    assert exchange_curve(predict, image, nothing, bad, 4).area.tolist() == [0.75]
    assert exchange_curve(predict, nothing, image, good, 4).area.tolist() == [0.75]


def test_missing_views_never_go_and_do_not_count() -> None:
    maps = np.zeros((1, 2, 1, 2), np.float32)
    maps[0, 0] = [[3.0, 1.0]]
    maps[0, 1] = [[9.0, 9.0]]
    order = exchange_order(maps, np.array([[True, False]]))
    assert order[0, 0].tolist() == [[0.0, 0.5]]
    assert (order[0, 1] >= 1).all()


def test_views_of_a_sample_are_ranked_together() -> None:
    maps = np.array([[[[1.0, 4.0]], [[3.0, 2.0]]]], np.float32)
    assert exchange_order(maps, np.ones((1, 2), bool)).tolist() == [[[[0.75, 0.0]], [[0.25, 0.5]]]]


def test_the_curves_go_from_the_models_own_probability_to_that_of_the_baseline_and_back() -> None:
    model, batch = build(classes=3), make_batch()
    maps = batch["image"][:, :, 0].numpy()
    probability = model(batch).softmax(1)[:, 2].detach().numpy()
    deletion = deletion_curve(model, batch, maps, target=2, kind="blur", steps=3)
    insertion = insertion_curve(model, batch, maps, target=2, kind="blur", steps=3)
    assert deletion.probability.shape == (3, 4)
    assert deletion.probability[:, 0] == pytest.approx(probability, abs=1e-6)
    assert insertion.probability[:, -1] == pytest.approx(probability, abs=1e-6)
    assert insertion.probability[:, 0] == pytest.approx(deletion.probability[:, -1], abs=1e-6)


def test_the_order_of_a_linear_models_weights_is_better_than_its_reverse() -> None:
    weight = torch.randn(32, 16, generator=torch.Generator().manual_seed(1)) / 10
    model, batch = linear_model(weight), make_batch(views=1)
    maps = (weight * (batch["image"][:, :, 0] - batch["image"].mean((3, 4)).unsqueeze(-1))).numpy()
    assert (deletion_curve(model, batch, maps).area < deletion_curve(model, batch, -maps).area - 0.3).all()
    better = insertion_curve(model, batch, maps, kind="mean").area
    assert (better > insertion_curve(model, batch, -maps, kind="mean").area + 0.3).all()


def test_maps_of_another_geometry_are_refused_with_both_shapes() -> None:
    with pytest.raises(UserError, match=r"geometry \(3, 4, 32, 16\), found \(3, 4, 16, 16\)"):
        deletion_curve(build(), make_batch(), np.zeros((3, 4, 16, 16), np.float32))
