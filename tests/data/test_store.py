import json
import os
import pickle
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bcdl.data.store import ImageStore, build_store
from bcdl.data.table import ExamTable, complete_findings, complete_images
from bcdl.errors import RunError, UserError
from bcdl.imaging import ImageError, Imaging, Pixels

RNG = np.random.default_rng(0)
NOISE = [RNG.integers(0, 255, (6, 4), dtype=np.uint8) for _ in range(32)]


@dataclass
class Memory:
    """A reader of arrays in memory; a string in their place is the reason why an image cannot be read."""

    images: list[Pixels | str]
    version: str = "1"
    name: str = "memory"
    classes: tuple[str, ...] = ("benign", "malignant")
    positive: str = "malignant"
    loaded: list[str] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def read(self) -> ExamTable:
        paths = [str(row) for row in range(len(self.images))]
        keys = dict.fromkeys(("patient_id", "exam_id", "image_id", "path"), paths)
        findings = pd.DataFrame({"image_id": paths, "finding_id": paths, "kind": "mass"})
        images = complete_images(pd.DataFrame(keys))
        return ExamTable(images, complete_findings(findings), self.classes, self.positive)

    def load(self, path: str, frame: int = 0) -> Pixels:
        self.loaded.append(path)
        self.meanwhile()
        image = self.images[int(path)]
        if isinstance(image, str):
            raise ImageError(image)
        return image

    def load_mask(self, mask_path: str) -> NDArray[np.bool_]:
        raise UserError(mask_path)

    def fingerprint(self) -> str:
        return self.version


def build(
    reader: Memory, folder: Path, imaging: Imaging | None = None, **kwargs: str
) -> tuple[ImageStore, ExamTable]:
    return build_store(reader, reader.read(), imaging or Imaging(), folder, workers=1, **kwargs)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_store_holds_every_image_at_its_row(tmp_path: Path) -> None:
    store, table = build(Memory([*NOISE]), tmp_path / "a" / "b")
    assert (len(store), store.height, store.width, store.channels, store.dtype) == (32, 6, 4, 1, np.uint8)
    assert len(table.images) == 32
    for row, image in enumerate(NOISE):
        np.testing.assert_array_equal(store[row], image[:, :, None])


def test_a_complete_store_is_opened_without_decoding(tmp_path: Path) -> None:
    first, _ = build(Memory([*NOISE]), tmp_path)
    again = Memory([*NOISE])
    second, _ = build(again, tmp_path)
    assert again.loaded == []
    assert second.fingerprint == first.fingerprint


def test_source_settings_and_order_each_make_another_store(tmp_path: Path) -> None:
    reader = Memory([*NOISE])
    table = reader.read()
    build(reader, tmp_path)
    build(Memory([*NOISE], version="2"), tmp_path)
    build(reader, tmp_path, Imaging(size=(8, 8)))
    build(reader, tmp_path, Imaging(channels=3))
    backwards = ExamTable(
        table.images[::-1].reset_index(drop=True), table.findings, table.classes, table.positive
    )
    store, _ = build_store(reader, backwards, Imaging(), tmp_path, 1)
    np.testing.assert_array_equal(store[0], NOISE[-1][:, :, None])
    assert len(entries(tmp_path)) == 5


def test_the_fingerprint_is_that_of_the_pixels(tmp_path: Path) -> None:
    first, _ = build(Memory([*NOISE]), tmp_path)
    elsewhere, _ = build(Memory([*NOISE], version="2"), tmp_path / "elsewhere")
    changed, _ = build(Memory([*NOISE[:-1], NOISE[0]], version="3"), tmp_path)
    assert elsewhere.fingerprint == first.fingerprint != changed.fingerprint


def test_a_store_is_pickled_by_its_folder(tmp_path: Path) -> None:
    store, _ = build(Memory([*NOISE]), tmp_path)
    data = pickle.dumps(store)
    assert len(data) < 500
    np.testing.assert_array_equal(pickle.loads(data)[5], store[5])


def test_images_cannot_be_written_to(tmp_path: Path) -> None:
    store, _ = build(Memory([*NOISE]), tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        store[0][...] = 0


def test_an_unreadable_image_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    reader = Memory([*NOISE[:9], "it is torn", *NOISE[10:]])
    with pytest.raises(UserError, match=r"row 10 \(path 9;.*it is torn.*data.on_bad_row=skip"):
        build(reader, tmp_path)
    assert entries(tmp_path) == []


def test_skipped_images_leave_the_table_their_findings_and_the_store(tmp_path: Path) -> None:
    reader = Memory(["torn", *NOISE[1:9], "burnt", *NOISE[10:]])
    store, table = build(reader, tmp_path, on_bad_row="skip")
    assert len(store) == len(table.images) == len(table.findings) == 30
    for row, path in enumerate(table.images["path"]):
        np.testing.assert_array_equal(store[row], NOISE[int(path)][:, :, None])
    assert table.images.index.tolist() == list(range(30))
    listed = json.loads((store.folder / "store.json").read_text())["skipped"]
    assert [(image["source"]["row"], image["reason"]) for image in listed] == [(0, "torn"), (9, "burnt")]


def test_skipped_images_stay_known_when_the_store_is_opened_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = Memory([*NOISE[:9], "torn", *NOISE[10:]])
    build(reader, tmp_path, on_bad_row="skip")
    caplog.clear()
    _, table = build(reader, tmp_path, on_bad_row="skip")
    assert len(table.images) == 31
    assert "left out 1 of 32 images" in caplog.text
    with pytest.raises(UserError, match="row 10"):
        build(reader, tmp_path, on_bad_row="error")


def test_an_image_that_can_be_read_at_last_is_left_out_no_longer(tmp_path: Path) -> None:
    images: list[Any] = [*NOISE[:9], "no codec", "torn", *NOISE[11:]]
    reader = Memory(images)
    assert len(build(reader, tmp_path, on_bad_row="skip")[0]) == 30
    images[9] = NOISE[9]
    store, table = build(reader, tmp_path, on_bad_row="skip")
    assert len(store) == len(table.images) == 31
    np.testing.assert_array_equal(store[9], NOISE[9][:, :, None])


def test_a_store_of_no_readable_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found none of 2 that can be read"):
        build(Memory(["torn", "burnt"]), tmp_path, on_bad_row="skip")


@pytest.mark.parametrize("on_bad_row", ["error", "skip"])
def test_images_of_several_sizes_need_an_imaging_size(on_bad_row: str, tmp_path: Path) -> None:
    reader = Memory([*NOISE[:20], np.zeros((9, 4), np.uint8), *NOISE[21:]])
    with pytest.raises(UserError, match=r"6 x 4 as the first, found 9 x 4 in row 21.*imaging.size=\[6,4\]"):
        build(reader, tmp_path, on_bad_row=on_bad_row)
    store, _ = build(reader, tmp_path, Imaging(size=(8, 8)))
    assert len(store) == 32


@pytest.mark.parametrize("row", [0, 31], ids=["seen at once", "after 8-bit images"])
def test_one_image_of_16_bit_makes_the_store_16_bit(row: int, tmp_path: Path) -> None:
    images: list[Pixels | str] = [*NOISE]
    images[row] = NOISE[row].astype(np.uint16) * 100
    store, _ = build(Memory(images), tmp_path)
    assert store.dtype == np.uint16
    np.testing.assert_array_equal(store[row][..., 0], NOISE[row].astype(np.uint16) * 100)
    np.testing.assert_array_equal(store[7][..., 0], NOISE[7].astype(np.uint16) * 257)


def test_a_reader_of_floats_is_a_mistake_of_its_author(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"memory: load\(\) gave float64"):
        build(Memory([np.zeros((6, 4))]), tmp_path)  # type: ignore[list-item]


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    reader = Memory([*NOISE])

    def interrupt_late() -> None:
        if len(reader.loaded) == 20:
            raise KeyboardInterrupt

    reader.meanwhile = interrupt_late
    with pytest.raises(KeyboardInterrupt):
        build(reader, tmp_path)
    assert entries(tmp_path) == []


def test_a_second_builder_waits_and_opens_what_the_first_made(tmp_path: Path) -> None:
    readers = [Memory([*NOISE], meanwhile=lambda: time.sleep(0.002)) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        (first, _), (second, _) = pool.map(lambda reader: build(reader, tmp_path), readers)
    assert first.fingerprint == second.fingerprint
    assert [] in [reader.loaded for reader in readers]
    assert len(entries(tmp_path)) == 1


def test_two_builders_end_well_without_file_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    both = Barrier(2, timeout=20)
    readers = [Memory([*NOISE], meanwhile=both.wait) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        (first, _), (second, _) = pool.map(lambda reader: build(reader, tmp_path), readers)
    assert first.fingerprint == second.fingerprint
    assert all(reader.loaded for reader in readers)
    assert len(entries(tmp_path)) == 1


def test_what_a_killed_builder_left_is_removed_after_a_day(tmp_path: Path) -> None:
    store, _ = build(Memory([*NOISE]), tmp_path)
    store.folder.rename(tmp_path / f"{store.folder.name}.0ld.part")
    (tmp_path / f"{store.folder.name}.n3w.part").mkdir()
    for path in (tmp_path / f"{store.folder.name}.0ld.part").rglob("*"):
        os.utime(path, (0, 0))
    os.utime(tmp_path / f"{store.folder.name}.0ld.part", (0, 0))
    build(Memory([*NOISE]), tmp_path)
    assert entries(tmp_path) == [store.folder.name, f"{store.folder.name}.n3w.part"]


@pytest.mark.parametrize("name", ["images.npy", "store.json"])
def test_a_damaged_store_says_to_delete_it(name: str, tmp_path: Path) -> None:
    store, _ = build(Memory([*NOISE]), tmp_path)
    path = store.folder / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"found a damaged one .* delete the folder"):
        build(Memory([*NOISE]), tmp_path)


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write there .* data\.store"):
        build(Memory([*NOISE]), tmp_path / "file")


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, data: bytes, offset: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", refuse)
    with pytest.raises(RunError, match=rf"the disk is full: .* in {tmp_path}.*data.store"):
        build(Memory([*NOISE]), tmp_path)
    assert entries(tmp_path) == []
