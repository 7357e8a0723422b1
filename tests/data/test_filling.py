from pathlib import Path

import numpy as np
import pytest

from bcdl.data.readers import Manifest
from bcdl.data.store import build_store
from bcdl.errors import RunError, UserError
from bcdl.imaging import Imaging

IMAGES = 24


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
    table = manifest.read()
    alone, _ = build_store(manifest, table, Imaging(), tmp_path / "alone", workers=1)
    together, _ = build_store(manifest, table, Imaging(), tmp_path / "together", workers=2)
    assert together.fingerprint == alone.fingerprint
    np.testing.assert_array_equal(together[IMAGES - 1], np.load(tmp_path / f"{IMAGES - 1}.npy")[:, :, None])


@pytest.mark.slow
def test_errors_of_workers_reach_the_user_as_they_are(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "22.npy").write_bytes(b"torn")
    table = manifest.read()
    with pytest.raises(UserError, match=r"row 23 \(path 22.npy.*data.on_bad_row=skip"):
        build_store(manifest, table, Imaging(), tmp_path / "stores", workers=2)
    store, kept = build_store(manifest, table, Imaging(), tmp_path / "stores", workers=2, on_bad_row="skip")
    assert len(store) == len(kept.images) == IMAGES - 1


@pytest.mark.slow
def test_16_bit_found_by_a_worker_makes_the_store_16_bit(manifest: Manifest, tmp_path: Path) -> None:
    np.save(tmp_path / "23.npy", np.full((8, 6), 1000, np.uint16))
    store, _ = build_store(manifest, manifest.read(), Imaging(), tmp_path / "stores", workers=2)
    assert store.dtype == np.uint16
    assert store[23].max() == 1000


@pytest.mark.slow
def test_a_killed_worker_stops_the_run(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from os import abort

    monkeypatch.setattr("bcdl.data.filling._start_worker", abort)
    with pytest.raises(RunError, match="was killed, probably for want of memory"):
        build_store(manifest, manifest.read(), Imaging(), tmp_path / "stores", workers=2)
    assert not list((tmp_path / "stores").glob("*.part"))
