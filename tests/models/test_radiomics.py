from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import skops.io
import torch

from bcdl.errors import UserError
from bcdl.models import Radiomics
from bcdl.networks import RadiomicsEncoder, SmallCNN

Make = Callable[..., Any]


def test_a_sample_has_the_mean_and_the_range_of_its_valid_views(build: Make, batches: Make) -> None:
    model = build(Radiomics, encoder=RadiomicsEncoder())
    batch = batches(1, views=3)[0]
    mask = batch["view_mask"]
    found = model.features(batch)
    assert found.shape == (4, model.pooled_dim())
    for sample in range(4):
        views = model.encoder(batch["image"][sample, mask[sample]])
        expected = torch.cat([views.mean(0), views.amax(0) - views.amin(0)])
        assert torch.allclose(found[sample], expected, atol=1e-5)


def test_a_single_view_has_range_0(build: Make, batches: Make) -> None:
    model = build(Radiomics, encoder=RadiomicsEncoder())
    mean, spread = model.features(batches(1)[0]).chunk(2, dim=1)
    assert mean.any()
    assert not spread.any()


def test_it_learns_what_a_texture_tells(build: Make, batches: Make, fit: Make) -> None:
    model = build(Radiomics, encoder=RadiomicsEncoder())
    data = batches(3, size=12)
    for batch in data:  # the diseased are striped; mean and spread are the same
        striped = torch.arange(16).remainder(2).float().expand_as(batch["image"]) * 2 - 1
        smooth = torch.arange(16).floor_divide(8).float().expand_as(batch["image"]) * 2 - 1
        shown = torch.where(batch["label"].view(-1, 1, 1, 1, 1) == 1, striped, smooth)
        batch["image"] = shown + 0.1 * batch["image"]
    trainer = fit(model, data, max_epochs=5)
    assert trainer.current_epoch == 1
    assert trainer.callback_metrics["val/auroc"] == 1


def test_the_classifier_is_exported_on_standardised_features(
    build: Make, batches: Make, fit: Make, tmp_path: Path
) -> None:
    model = build(Radiomics, encoder=RadiomicsEncoder())
    fit(model, batches())
    model.export_estimator(tmp_path / "classifier.skops")
    scaler, classifier = skops.io.load(tmp_path / "classifier.skops").named_steps.values()
    assert type(scaler).__name__ == "StandardScaler"
    assert classifier.coef_.shape == (1, model.pooled_dim())


def test_another_encoder_is_refused_with_a_remedy(build: Make) -> None:
    with pytest.raises(UserError, match=r"expected encoder=radiomics.*found small_cnn.*mode=separate"):
        build(Radiomics, encoder=SmallCNN(widths=(4, 6, 8, 8)))
