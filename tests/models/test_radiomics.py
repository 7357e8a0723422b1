from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import skops.io
import torch

import bcdl
from bcdl.data.feature_table import FILE
from bcdl.errors import UserError
from bcdl.features import FEATURES
from bcdl.models import Autoencoder, Radiomics
from bcdl.networks import RadiomicsEncoder, SmallCNN

Make = Callable[..., Any]


def test_a_sample_has_the_mean_and_the_range_of_its_valid_views(build: Make, batches: Make) -> None:
    model = build(Radiomics, encoder=RadiomicsEncoder())
    batch = batches(1, views=3)[0]
    mask = batch["view_mask"]
    found = model.features(batch)
    assert found.shape == (4, model.pooled_dim())
    for sample in range(4):
        views = batch["tabular"][sample, mask[sample]]
        expected = torch.cat([views.mean(0), views.amax(0) - views.amin(0)])
        assert torch.allclose(found[sample], expected, atol=1e-5)


def test_a_single_view_has_range_0(build: Make, batches: Make) -> None:
    model = build(Radiomics, encoder=RadiomicsEncoder())
    mean, spread = model.features(batches(1)[0]).chunk(2, dim=1)
    assert mean.any()
    assert not spread.any()


def test_it_learns_what_the_table_tells_and_sees_no_pixel(build: Make, batches: Make, fit: Make) -> None:
    model = build(Radiomics, encoder=RadiomicsEncoder())
    data = batches(3, size=12)
    for batch in data:
        batch["tabular"][..., 5] += 10 * batch["label"].view(-1, 1)
        batch["image"] = torch.full_like(batch["image"], torch.nan)
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


def test_an_autoencoder_needs_an_encoder_of_images(build: Make) -> None:
    with pytest.raises(UserError, match="encoder of images for model=autoencoder, found radiomics"):
        build(Autoencoder, encoder=RadiomicsEncoder())


def table_of(folder: Path) -> Path:
    return next(folder.glob(f"stores/*/{FILE}"))


def predictions() -> pd.DataFrame:
    return bcdl.load_run().predictions


def test_runs_follow_the_table_of_the_store_and_leave_it_as_it_is(
    train: Make, bcdl_in_process: Make, tmp_path: Path
) -> None:
    pytest.importorskip("skimage")
    typed = ("model=radiomics", "data.unit=breast", "data.store=stores")
    assert train(*typed) == 0
    first, table = predictions(), table_of(tmp_path)
    content = table.read_bytes()
    assert train(*typed) == 0
    pd.testing.assert_frame_equal(predictions(), first)
    assert table.read_bytes() == content
    permuted = pd.read_parquet(table)
    rows = permuted[list(FEATURES)].sample(frac=1, random_state=0)
    permuted[list(FEATURES)] = rows.to_numpy()
    permuted.to_parquet(table, index=False)
    assert bcdl_in_process("evaluate", "run=latest") == 0
    evaluated = predictions()
    assert not evaluated["logit"].equals(first["logit"])
    assert train(*typed) == 0
    assert not predictions()["logit"].equals(first["logit"])
    assert not predictions()["logit"].equals(evaluated["logit"])


@pytest.mark.slow
def test_runs_on_a_prepared_table_measure_nothing(
    bcdl_in_process: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("skimage")
    data = ("data=phantom", "data.reader.patients=24", "data.reader.size=[64,32]", "data.store=stores")
    assert bcdl_in_process("prepare", *data, "prepare.features=true") == 0
    content = table_of(tmp_path).read_bytes()
    monkeypatch.delattr("bcdl.data.feature_table.feature_table")
    run = ("train", *data, "data.batch_size=8", "trainer.accelerator=cpu", "trainer.max_epochs=1")
    assert bcdl_in_process(*run, "-m", "model=cnn,radiomics") == 0
    assert bcdl_in_process("train", "from=latest", "data.unit=exam") == 0
    assert bcdl_in_process("train", "resume=latest", "trainer.max_epochs=2") == 0
    assert bcdl_in_process("evaluate", "run=latest") == 0
    loaded = bcdl.load_run()
    assert isinstance(loaded.model, Radiomics)
    batch = next(iter(loaded.data.loader("test")))
    assert torch.isfinite(loaded.model(loaded.data.on_after_batch_transfer(batch, 0))).all()
    assert table_of(tmp_path).read_bytes() == content


def test_several_stores_are_trained_on_with_their_own_tables(
    train: Make, bcdl_in_process: Make, tmp_path: Path
) -> None:
    pytest.importorskip("skimage")
    for number, name in enumerate("ab"):
        phantom = ("data.reader.patients=12", f"data.reader.seed={number}", "data.reader.size=[64,32]")
        assert bcdl_in_process("prepare", f"data.store={name}", *phantom) == 0
    stores = "data.stores={a:a,b:b}"
    assert train("model=radiomics", "data=multi", stores, "data.test_fraction=0.4") == 0
    tables = [pd.read_parquet(next((tmp_path / name).glob(f"*/{FILE}"))) for name in "ab"]
    assert [len(table) for table in tables] == [48, 48]
    assert not set(tables[0]["checksum"]) & set(tables[1]["checksum"])
