"""The table of features: found by the pixels' checksum, completed where it lacks an image."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bcdl.data import ExamDataModule
from bcdl.data.feature_table import FILE, stored_features, write_features
from bcdl.data.multi import MultiSource
from bcdl.data.preparing import Preparation, Prepared, prepare_images
from bcdl.data.readers import Phantom
from bcdl.features import FEATURES
from bcdl.imaging import Imaging, Pixels

NAMES = list(FEATURES)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Pixels]:
    """The images that were measured; each feature is the mean of the pixels plus its own number."""
    seen: list[Pixels] = []

    def measure(images: Iterable[Pixels]) -> NDArray[np.float32]:
        found = list(images)
        seen.extend(found)
        return np.stack([image.mean() + np.arange(len(NAMES)) for image in found]).astype(np.float32)

    monkeypatch.setattr("bcdl.data.feature_table.feature_table", measure)
    return seen


def prepare(folder: Path, publish: bool = True, **arguments: Any) -> Prepared:
    reader = Phantom(size=(48, 32), **({"patients": 3} | arguments))
    how = Preparation(Imaging(), folder, "keep", workers=1, publish=publish)
    return prepare_images(reader, reader.read(), how)


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return prepare(tmp_path, publish=False)


def expected(prepared: Prepared) -> NDArray[np.float32]:
    means = [prepared.store[row].mean() for row in range(len(prepared.store))]
    return (np.array(means)[:, None] + np.arange(len(NAMES))).astype(np.float32)


def overwrite(file: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    change(pd.read_parquet(file)).to_parquet(file, index=False)


def test_what_the_table_lacks_is_measured_once_and_added_without_an_id(
    prepared: Prepared, measured: list[Pixels]
) -> None:
    file = prepared.store.folder / FILE
    np.testing.assert_array_equal(stored_features(prepared.store), expected(prepared))
    assert len(measured) == 12
    table, written = pd.read_parquet(file), file.stat().st_mtime_ns
    assert list(table) == ["image_id", "checksum", *FEATURES]
    assert table["checksum"].tolist() == prepared.store.checksums
    assert table["image_id"].isna().all()
    np.testing.assert_array_equal(stored_features(prepared.store), expected(prepared))
    assert len(measured) == 12
    assert file.stat().st_mtime_ns == written


def test_images_of_the_table_are_not_measured_again(tmp_path: Path, measured: list[Pixels]) -> None:
    stored_features(prepare(tmp_path).store)
    more = prepare(tmp_path, patients=4)
    np.testing.assert_array_equal(stored_features(more.store), expected(more))
    assert len(measured) == 16


def test_preparing_gives_the_rows_their_ids_and_measures_nothing_anew(
    prepared: Prepared, measured: list[Pixels]
) -> None:
    stored_features(prepared.store)
    table = pd.read_parquet(write_features(prepared, workers=1))
    assert len(measured) == 12
    assert table["image_id"].tolist() == prepared.table.images["image_id"].tolist()
    np.testing.assert_array_equal(table[NAMES], expected(prepared))


def test_rows_are_found_by_checksum_wherever_they_stand(prepared: Prepared, measured: list[Pixels]) -> None:
    file = write_features(prepared, workers=1)
    overwrite(file, lambda table: table.sample(frac=1, random_state=0).assign(image_id="x"))
    np.testing.assert_array_equal(stored_features(prepared.store), expected(prepared))
    overwrite(file, lambda table: table.assign(**{NAMES[3]: -7.0}).astype({NAMES[3]: "float32"}))
    assert (stored_features(prepared.store)[:, 3] == -7).all()
    assert len(measured) == 12


def test_a_row_of_other_pixels_is_not_used(prepared: Prepared, measured: list[Pixels]) -> None:
    file = write_features(prepared, workers=1)
    stale = "0" * 32

    def spoil(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[4, "checksum"] = stale
        table.loc[4, NAMES] = np.float32(1e6)
        return table

    overwrite(file, spoil)
    np.testing.assert_array_equal(stored_features(prepared.store), expected(prepared))
    assert len(measured) == 13
    np.testing.assert_array_equal(pd.read_parquet(write_features(prepared, 1))[NAMES], expected(prepared))
    assert stale not in set(pd.read_parquet(file)["checksum"])


def test_equal_images_are_measured_once(prepared: Prepared, measured: list[Pixels]) -> None:
    doubled = prepared.store.subset(np.array([2, 5, 2, 2]))
    np.testing.assert_array_equal(stored_features(doubled), expected(prepared)[[2, 5, 2, 2]])
    assert len(measured) == 2


@pytest.mark.parametrize("content", [b"no table", None], ids=["damaged", "of other features"])
def test_a_table_that_is_none_is_made_anew(
    prepared: Prepared, measured: list[Pixels], content: bytes | None
) -> None:
    file = write_features(prepared, workers=1)
    if content is None:
        overwrite(file, lambda table: table.rename(columns={NAMES[0]: "another"}))
    else:
        file.write_bytes(content)
    np.testing.assert_array_equal(stored_features(prepared.store), expected(prepared))
    assert len(measured) == 24


def test_a_folder_that_cannot_be_written_to_is_left_alone(
    prepared: Prepared,
    measured: list[Pixels],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    np.testing.assert_array_equal(stored_features(prepared.store), expected(prepared))
    assert "features are measured each time anew" in caplog.text
    assert not (prepared.store.folder / FILE).exists()


def test_each_of_several_stores_has_a_table_of_its_own(tmp_path: Path, measured: list[Pixels]) -> None:
    parts = {name: prepare(tmp_path / name, patients=8, seed=seed) for seed, name in enumerate("ab")}
    write_features(parts["a"], workers=1)
    pooled = MultiSource({name: part.store.folder for name, part in parts.items()}).open()
    together = np.concatenate([expected(part) for part in parts.values()])
    np.testing.assert_array_equal(stored_features(pooled.store), together)
    assert len(measured) == 64
    for part in parts.values():
        table = pd.read_parquet(part.store.folder / FILE)
        assert table["checksum"].tolist() == part.store.checksums
    overwrite(parts["b"].store.folder / FILE, lambda table: table.assign(**dict.fromkeys(NAMES, 0.5)))
    np.testing.assert_array_equal(stored_features(pooled.store)[:32], expected(parts["a"]))
    assert (stored_features(pooled.store)[32:] == 0.5).all()


@pytest.mark.parametrize("unit", ["image", "breast", "exam", "patient"])
def test_a_batch_has_the_row_of_every_view_and_0_in_empty_slots(
    unit: str, make_data: Callable[..., ExamDataModule], memory_reader: type, measured: list[Pixels]
) -> None:
    data = make_data(memory_reader(patients=10, exams=2), unit=unit, tabular=True)
    data.prepare()
    assert measured
    for batch in data.predict_dataloader():
        mask = batch["view_mask"]
        assert batch["tabular"].shape == (*mask.shape, len(FEATURES))
        means = batch["image"].double().mean(dim=(2, 3, 4))
        np.testing.assert_allclose(batch["tabular"][..., 0], means * mask, rtol=1e-6)
        assert (batch["tabular"][~mask] == 0).all()


def test_nothing_is_measured_unless_batches_are_to_hold_it(
    make_data: Callable[..., ExamDataModule], measured: list[Pixels]
) -> None:
    data = make_data()
    data.setup()
    assert "tabular" not in next(iter(data.train_dataloader()))
    assert measured == []
    assert not (data.store.folder / FILE).exists()


@pytest.mark.slow
def test_two_processes_measure_what_one_does(tmp_path: Path) -> None:
    pytest.importorskip("skimage")
    prepared = prepare(tmp_path, patients=17)
    two = pd.read_parquet(write_features(prepared, workers=2))
    (prepared.store.folder / FILE).unlink()
    pd.testing.assert_frame_equal(pd.read_parquet(write_features(prepared, workers=1)), two)
    assert len(two) == 68
