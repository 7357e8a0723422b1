from pathlib import Path

import numpy as np
import pytest

from bcdl.data.preparing import Preparation, Prepared, prepare_images
from bcdl.data.readers import Manifest
from bcdl.errors import RunError, UserError
from bcdl.imaging import Imaging

IMAGES = 24


def prepare(reader: Manifest, folder: Path, workers: int, on_bad_image: str = "error") -> Prepared:
    how = Preparation(Imaging(), folder, on_bad_image, workers=workers)
    return prepare_images(reader, reader.read(), how)


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """A data set whose images are decoded in worker processes, one at a time."""
    monkeypatch.setattr("bcdl.data.filling._WORTH_WORKERS", 0.0)
    monkeypatch.setattr("bcdl.data.filling._CHUNK_MOST", 1)
    rng = np.random.default_rng(0)
    lines = ["patient_id,path"]
    for row in range(IMAGES):
        np.save(tmp_path / f"{row}.npy", rng.integers(0, 255, (8, 6), dtype=np.uint8))
        lines.append(f"p{row},{row}.npy")
    (tmp_path / "images.csv").write_text("\n".join(lines))
    return Manifest(tmp_path / "images.csv")


@pytest.mark.slow
def test_workers_write_what_one_process_writes(manifest: Manifest, tmp_path: Path) -> None:
    alone = prepare(manifest, tmp_path / "alone", 1).store
    together = prepare(manifest, tmp_path / "together", 2).store
    assert together.fingerprint == alone.fingerprint
    np.testing.assert_array_equal(together[IMAGES - 1], np.load(tmp_path / f"{IMAGES - 1}.npy")[:, :, None])


@pytest.mark.slow
def test_what_workers_cannot_decode_costs_one_image(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "22.npy").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"row 23 \(image 22.npy\).*data.on_bad_image=skip"):
        prepare(manifest, tmp_path / "stores", 2)
    prepared = prepare(manifest, tmp_path / "stores", 2, "skip")
    assert len(prepared.store) == len(prepared.table.images) == IMAGES - 1


@pytest.mark.slow
def test_16_bit_found_by_a_worker_makes_the_store_16_bit(manifest: Manifest, tmp_path: Path) -> None:
    wide = np.full((8, 6), 1000, np.uint16)
    wide[0] = 7
    np.save(tmp_path / "23.npy", wide)
    store = prepare(manifest, tmp_path / "stores", 2).store
    assert store.dtype == np.uint16
    assert store[23].max() == 1000
    np.testing.assert_array_equal(store[12], np.load(tmp_path / "12.npy")[:, :, None].astype(np.uint16) * 257)


@pytest.mark.slow
def test_a_killed_worker_stops_the_run_and_loses_nothing_stored(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from os import abort

    monkeypatch.setattr("bcdl.data.pool._start_worker", abort)
    with pytest.raises(RunError, match="was killed, probably for want of memory"):
        prepare(manifest, tmp_path / "stores", 2)
    monkeypatch.undo()
    assert prepare(manifest, tmp_path / "stores", 1).decoded == IMAGES - 8  # the probes were stored
