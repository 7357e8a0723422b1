"""A model that has learnt to find lesions, and whether its maps point at them."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bcdl.data.batch import Batch
from bcdl.data.readers import Phantom
from bcdl.explain import (
    breasts,
    deletion_curve,
    energy_inside,
    explain,
    insertion_curve,
    integrated_gradients,
    occlusion,
    pointing_game,
    randomisation_check,
)
from bcdl.explain.explanation import Explanation
from bcdl.metrics import auroc
from bcdl.models import Classifier
from bcdl.networks import SmallCNN
from tests.explain.building import build
from tests.explain.test_randomisation import edges

SIZE = (128, 64)
TRAINING, TESTED = 96, 24  # patients
TOLERANCE = 4  # pixels, 7.5 mm


def phantom() -> Phantom:
    return Phantom(
        patients=TRAINING + TESTED,
        size=SIZE,
        prevalence=1.0,
        difficulty=0.0,
        one_view_fraction=0.0,
        benign_fraction=0.0,
        summation_fraction=0.0,
        machines=1,
        noise=0.5,
    )


def views(patients: range) -> tuple[Batch, NDArray[np.bool_]]:
    """Single views and the masks of the lesions in them."""
    reader = phantom()
    table = reader.read()
    wanted = table.images[table.images["patient_id"].isin({f"p{number:06d}" for number in patients})]
    pixels = np.stack([reader.load(path).pixels for path in wanted["path"]]).astype(np.float32)
    masks = np.zeros(pixels.shape, bool)
    places = dict(zip(wanted["image_id"], range(len(wanted)), strict=True))
    for image_id, mask_path in table.findings[["image_id", "mask_path"]].itertuples(index=False):
        if image_id in places:
            masks[places[image_id]] |= reader.load_mask(mask_path)
    image = torch.from_numpy((pixels - 60) / 60)[:, None, None]
    count = len(image)
    nothing = torch.zeros(count, 1, dtype=torch.int64)
    return Batch(
        image=image,
        view_mask=torch.ones(count, 1, dtype=torch.bool),
        view=nothing,
        laterality=nothing,
        time=nothing.float(),
        label=torch.from_numpy(wanted["label"].to_numpy(np.int64)),
        index=torch.arange(count),
    ), masks


def trained(batch: Batch, epochs: int) -> Classifier:
    model = build(encoder=SmallCNN(widths=(8, 16, 32)), image_size=SIZE).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, epochs * -(-len(batch["label"]) // 32))
    generator = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        for rows in torch.randperm(len(batch["label"]), generator=generator).split(32):
            part = {name: value[rows] for name, value in batch.items()}
            if torch.rand((), generator=generator) < 0.5:
                part["image"] = part["image"].flip(-2)
            loss = model.loss(model(part), part["label"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


class Case(NamedTuple):
    """A trained model, new views that show a cancer, and the cancers' masks (N, H, W)."""

    model: Classifier
    views: Batch
    masks: NDArray[np.bool_]


@pytest.fixture(scope="module")
def case() -> Case:
    model = trained(views(range(TRAINING))[0], epochs=20)
    batch, masks = views(range(TRAINING, TRAINING + TESTED))
    with torch.no_grad():
        assert auroc(batch["label"].numpy(), model(batch).numpy()) > 0.85
    shown = np.flatnonzero(masks.any((1, 2)))
    return Case(model, {name: value[shown] for name, value in batch.items()}, masks[shown])


METHODS = {
    "grad_cam": "grad_cam",
    "layer_cam": "layer_cam",
    "integrated_gradients": partial(integrated_gradients, steps=16),
    "occlusion": partial(occlusion, window=16, stride=8),
}


def explained(case: Case, name: str) -> Explanation:
    return explain(case.model, case.views, METHODS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_maps_point_at_the_cancer_far_more_often_than_chance(case: Case, name: str) -> None:
    maps = explained(case, name).maps[:, 0]
    game = pointing_game(maps, case.masks, TOLERANCE, breasts(case.views)[:, 0])
    assert game.rate > 3 * game.chance_rate
    assert game.p_value < 1e-6
    energy = [energy_inside(*pair) for pair in zip(maps, case.masks, strict=True)]
    assert np.mean(energy) > 3 * case.masks.mean()


@pytest.mark.slow
def test_what_grad_cam_names_is_what_the_model_uses(case: Case) -> None:
    maps = explained(case, "grad_cam").maps
    chance = np.random.default_rng(0).random(maps.shape, dtype=np.float32)
    deletion, insertion = (
        [curve(case.model, case.views, order).area.mean() for order in (maps, chance)]
        for curve in (deletion_curve, insertion_curve)
    )
    assert deletion[0] < deletion[1] - 0.1
    assert insertion[0] > insertion[1] + 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", ["grad_cam", "layer_cam", "integrated_gradients"])
def test_honest_maps_depend_on_what_was_learnt(case: Case, name: str) -> None:
    few = {key: value[:12] for key, value in case.views.items()}
    assert randomisation_check(case.model, few, METHODS[name], draws=3).passed


@pytest.mark.slow
def test_an_edge_detector_does_not_depend_on_what_was_learnt(case: Case) -> None:
    assert not randomisation_check(case.model, case.views, edges, draws=1).passed
