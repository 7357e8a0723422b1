from collections.abc import Callable

import numpy as np
import pytest
import torch

from bcdl.errors import UserError
from bcdl.explain import leave_one_out, shapley_values
from bcdl.models import CNN, CNNRNN, Autoencoder, Classifier, Radiomics, Transfer
from bcdl.networks import RadiomicsEncoder
from tests.explain.building import build, linear_model, make_batch

MODELS: dict[str, Callable[[], Classifier]] = {
    "cnn": lambda: build(CNN),
    "cnn_rnn": lambda: build(CNNRNN, state=8),
    "autoencoder": lambda: build(Autoencoder),
    "transfer": lambda: build(Transfer, mode="feature_extraction"),
    "radiomics_in_cnn_rnn": lambda: build(CNNRNN, RadiomicsEncoder(), state=8),
    "radiomics": lambda: build(Radiomics, RadiomicsEncoder()),
}
every_model = pytest.mark.parametrize("name", MODELS)


@every_model
def test_leaving_a_view_out_is_what_the_model_says_with_the_view_masked(name: str) -> None:
    model, batch = MODELS[name](), make_batch()
    found = leave_one_out(model, batch)
    masked = {**batch, "view_mask": batch["view_mask"].clone()}
    masked["view_mask"][:, 2] = torch.tensor([False, False, False])
    masked["view_mask"][1] = batch["view_mask"][1]
    expected = (model(batch) - model(masked)).detach().numpy()
    assert found[[0, 2], 2] == pytest.approx(expected[[0, 2]], abs=1e-5)
    assert not found[~batch["view_mask"].numpy()].any()
    assert np.isfinite(found).all()


@every_model
def test_shapley_values_sum_up_to_the_logit(name: str) -> None:
    model, batch = MODELS[name](), make_batch()
    found = shapley_values(model, batch)
    assert found.sum(1) == pytest.approx(model(batch).detach().numpy(), abs=1e-5)
    assert not found[~batch["view_mask"].numpy()].any()
    against = shapley_values(model, batch, empty=-2.0)
    assert against.sum(1) == pytest.approx(model(batch).detach().numpy() + 2.0, abs=1e-5)


def test_a_single_view_has_the_whole_logit() -> None:
    model, batch = build(CNNRNN), make_batch()
    logit = model(batch)[1].item()
    assert leave_one_out(model, batch)[1].tolist() == pytest.approx([logit, 0, 0, 0], abs=1e-6)
    assert shapley_values(model, batch)[1].tolist() == pytest.approx([logit, 0, 0, 0], abs=1e-6)


def test_shapley_values_of_a_mean_are_as_calculated_by_hand() -> None:
    model = linear_model(torch.ones(2, 2))
    batch = make_batch(size=1, views=2)
    batch["view_mask"][:] = True
    batch["image"] = torch.stack([torch.full((1, 2, 2), 1.0), torch.full((1, 2, 2), 3.0)])[None]
    # one view 4 or 12, both 8: the first adds 4 to nothing and -4 to the second
    assert shapley_values(model, batch)[0].tolist() == pytest.approx([0.0, 8.0])
    assert leave_one_out(model, batch)[0].tolist() == pytest.approx([8.0 - 12.0, 8.0 - 4.0])


def test_another_class_has_its_own_contributions() -> None:
    model, batch = build(classes=3), make_batch()
    found = [shapley_values(model, batch, target) for target in range(3)]
    assert np.stack(found, 1).sum(2) == pytest.approx(model(batch).detach().numpy(), abs=1e-5)


def test_more_views_than_can_be_combined_are_refused() -> None:
    with pytest.raises(UserError, match="at most 8 views for Shapley values, found 9: take leave_one_out"):
        shapley_values(build(), make_batch(views=9))
    assert leave_one_out(build(), make_batch(views=9)).shape == (3, 9)


def test_the_model_is_left_as_it_was() -> None:
    model = build().train()
    leave_one_out(model, make_batch())
    shapley_values(model, make_batch())
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
