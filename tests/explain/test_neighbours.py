import numpy as np
import pytest
import torch

from bcdl.errors import UserError
from bcdl.explain import embed, neighbours
from bcdl.models import Autoencoder
from bcdl.networks.pooling import masked_mean
from tests.explain.building import build, make_batch

TRAINING = np.array([[1, 0], [2, 0.2], [0, 3], [-1, 0], [0, 0]], np.float32)
PATIENTS = np.array(["a", "b", "c", "d", "e"])


def test_the_nearest_by_direction_come_first_with_their_distances() -> None:
    found = neighbours(np.array([[5, 0]], np.float32), TRAINING, np.array(["x"]), PATIENTS, 5)
    assert found.index.tolist() == [[0, 1, 2, 4, 3]]
    assert found.distance[0] == pytest.approx([0, 1 - 2 / np.hypot(2, 0.2), 1, 1, 2], abs=1e-6)


def test_a_case_of_the_same_patient_is_never_a_neighbour() -> None:
    query = TRAINING[:2]
    found = neighbours(query, TRAINING, np.array(["a", "b"]), PATIENTS, 4)
    assert found.index[:, 0].tolist() == [1, 0]
    assert 0 not in found.index[0]
    assert 1 not in found.index[1]


@pytest.mark.parametrize("count", [0, 5])
def test_more_neighbours_than_other_patients_have_are_refused(count: int) -> None:
    with pytest.raises(UserError, match=f"from 1 to 4, .* of other patients, found {count}"):
        neighbours(TRAINING[:1], TRAINING, np.array(["a"]), PATIENTS, count)


def test_embeddings_are_what_the_head_gets() -> None:
    model, batch = build(), make_batch()
    embedded = torch.from_numpy(embed(model, batch))
    assert torch.allclose(model.head(embedded), model(batch), atol=1e-6)


def test_an_autoencoders_embedding_is_its_mean_latent_code() -> None:
    model, batch = build(Autoencoder, latent=5, variational=True), make_batch()
    code = model.encode(batch["image"].flatten(0, 1)).unflatten(0, (3, 4))
    expected = masked_mean(code, batch["view_mask"]).detach().numpy()
    assert embed(model.train(), batch) == pytest.approx(expected, abs=1e-6)
    assert model.training
