import numpy as np
import torch

from bcdl.data.readers import Phantom
from bcdl.explain import breasts
from tests.explain.building import make_batch


def test_the_breast_of_a_normalised_view_is_found_and_missing_views_have_none() -> None:
    pixels = Phantom(size=(128, 64)).load("p000000/e0/L/CC").pixels
    batch = make_batch(size=2, views=2)
    batch["image"] = torch.from_numpy((pixels / 60.0 - 1).astype(np.float32)).expand(2, 2, 3, 128, 64)
    found = breasts(batch)
    assert found.shape == (2, 2, 128, 64)
    assert np.array_equal(found.any((2, 3)), batch["view_mask"].numpy())
    region = found[0, 0]
    assert region.mean() < 0.9
    assert pixels[region].mean() > 10 * pixels[~region].mean()


def test_all_of_an_image_without_a_breast_is_taken() -> None:
    batch = make_batch(size=1, views=1)
    batch["image"][:] = 0
    assert breasts(batch).all()
