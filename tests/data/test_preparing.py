import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bcdl.data.preparing import Preparation, Prepared, prepare_images
from bcdl.data.privacy import Pseudonyms
from bcdl.data.segments import read_records
from bcdl.data.store import read_about
from bcdl.data.table import ExamTable, complete_findings, complete_images
from bcdl.errors import RunError, UserError
from bcdl.imaging import AS_IT_IS, Display, ImageError, Imaging, Picture, Pixels, Problem

RNG = np.random.default_rng(0)
NOISE = [RNG.integers(0, 255, (6, 4), dtype=np.uint8) for _ in range(32)]
SUSPECT = (Problem("implant", "expected none, found one"),)


@dataclass
class Memory:
    """A reader of arrays in memory; a string in their place is the reason why an image cannot be read."""

    images: list[Pixels | str]
    version: str = "1"
    states: dict[str, str] = field(default_factory=dict)
    problems: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
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

    def load(self, path: str, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
        self.loaded.append(path)
        self.meanwhile()
        image = self.images[int(path)]
        if isinstance(image, str):
            raise ImageError(f"/secret/{path}", image)
        return Picture(image, problems=self.problems.get(path, ()))

    def load_mask(self, mask_path: str) -> NDArray[np.bool_]:
        raise UserError(mask_path)

    def state(self, path: str) -> str:
        return self.states.get(path, "")

    def fingerprint(self) -> str:
        return self.version


def prepare(reader: Memory, folder: Path, imaging: Imaging | None = None, **choices: Any) -> Prepared:
    return prepare_images(
        reader, reader.read(), Preparation(imaging or Imaging(), folder, workers=1, **choices)
    )


def stores(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def test_a_store_holds_every_image_at_its_row(tmp_path: Path) -> None:
    prepared = prepare(Memory([*NOISE]), tmp_path / "a" / "b")
    store = prepared.store
    assert (len(store), store.height, store.width, store.channels, store.dtype) == (32, 6, 4, 1, np.uint8)
    assert (len(prepared.table.images), prepared.decoded) == (32, 32)
    for row, image in enumerate(NOISE):
        np.testing.assert_array_equal(store[row], image[:, :, None])


def test_what_is_stored_is_not_decoded_again(tmp_path: Path) -> None:
    first = prepare(Memory([*NOISE]), tmp_path)
    again = Memory([*NOISE])
    second = prepare(again, tmp_path)
    assert (again.loaded, second.decoded) == ([], 0)
    assert second.store.fingerprint == first.store.fingerprint


def test_only_images_that_are_new_or_have_changed_are_decoded(tmp_path: Path) -> None:
    prepare(Memory([*NOISE[:30]]), tmp_path)
    changed = [*NOISE]
    changed[4] = NOISE[5]
    reader = Memory([*changed], states={"4": "newer"})
    store = prepare(reader, tmp_path).store
    assert sorted(reader.loaded) == ["30", "31", "4"]
    for row, image in enumerate(changed):
        np.testing.assert_array_equal(store[row], image[:, :, None])


def test_the_order_of_the_table_is_that_of_the_store(tmp_path: Path) -> None:
    reader = Memory([*NOISE])
    table = reader.read()
    prepare(reader, tmp_path)
    backwards = ExamTable(
        table.images[::-1].reset_index(drop=True), table.findings, table.classes, table.positive
    )
    store = prepare_images(reader, backwards, Preparation(Imaging(), tmp_path)).store
    np.testing.assert_array_equal(store[0], NOISE[-1][:, :, None])


def test_place_and_settings_each_make_another_store(tmp_path: Path) -> None:
    for reader, imaging in (
        (Memory([*NOISE]), Imaging()),
        (Memory([*NOISE], version="2"), Imaging()),
        (Memory([*NOISE]), Imaging(size=(8, 8))),
        (Memory([*NOISE]), Imaging(channels=3)),
    ):
        prepare(reader, tmp_path, imaging)
    assert len(stores(tmp_path)) == 4


def test_the_fingerprint_is_that_of_the_pixels(tmp_path: Path) -> None:
    first = prepare(Memory([*NOISE]), tmp_path).store.fingerprint
    elsewhere = prepare(Memory([*NOISE], version="2"), tmp_path / "elsewhere").store.fingerprint
    changed = prepare(Memory([*NOISE[:-1], NOISE[0]], version="3"), tmp_path).store.fingerprint
    assert elsewhere == first != changed


def test_published_tables_lie_beside_the_images(tmp_path: Path) -> None:
    prepared = prepare(Memory([*NOISE]), tmp_path, publish=True)
    images = pd.read_parquet(prepared.store.folder / "images.parquet")
    assert images["image_id"].tolist() == prepared.table.images["image_id"].tolist()
    assert len(pd.read_parquet(prepared.store.folder / "findings.parquet")) == 32


def test_another_table_of_the_same_images_replaces_the_published_one_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(Memory([*NOISE]), tmp_path, publish=True)
    prepare(Memory([*NOISE]), tmp_path, publish=True)
    assert "another table" not in caplog.text
    folder = prepare(Memory([*NOISE[:20]], classes=("a", "b", "c"), positive="c"), tmp_path, publish=True)
    assert "another table of the same images was prepared before" in caplog.text
    assert stores(tmp_path) == [folder.store.folder]
    assert read_about(folder.store.folder)["classes"] == ["a", "b", "c"]


def test_a_whole_store_is_opened_without_writing_to_it(tmp_path: Path) -> None:
    folder = prepare(Memory([*NOISE]), tmp_path, publish=True).store.folder
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert prepare(Memory([*NOISE[:9]]), tmp_path).decoded == 0
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_images_may_all_be_replaced_by_ones_of_another_size(tmp_path: Path) -> None:
    prepare(Memory([*NOISE]), tmp_path)
    larger = [np.kron(image, np.ones((2, 2), np.uint8)) for image in NOISE]
    store = prepare(Memory([*larger], states={str(row): "newer" for row in range(32)}), tmp_path).store
    assert (store.height, store.width) == (12, 8)


def test_of_two_records_of_an_image_the_newer_counts_also_in_a_copy_of_the_store(tmp_path: Path) -> None:
    images: list[Any] = ["torn", *NOISE[1:]]
    reader = Memory(images)
    prepare(reader, tmp_path, on_bad_image="skip")
    images[0] = NOISE[0]
    folder = prepare(reader, tmp_path, on_bad_image="skip", retry=True).store.folder
    for number, path in enumerate(sorted(folder.iterdir(), reverse=True)):
        os.utime(path, (number, number))
    assert len(prepare(reader, tmp_path, on_bad_image="skip").store) == 32


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_the_fingerprint_does_not_depend_on_what_was_stored_together(
    chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images: list[Pixels | str] = [*NOISE[:20], NOISE[20].astype(np.uint16) * 100, *NOISE[21:]]
    expected = prepare(Memory(images), tmp_path / "one").store
    monkeypatch.setattr("bcdl.data.filling._CHUNK_MOST", chunk)
    store = prepare(Memory(images), tmp_path / "other").store
    assert (store.fingerprint, store.checksums) == (expected.fingerprint, expected.checksums)


def test_a_failure_that_may_pass_is_tried_again_every_time(tmp_path: Path) -> None:
    reader = Memory([*NOISE])

    def fail() -> None:
        if reader.loaded[-1] == "7":
            raise MemoryError

    reader.meanwhile = fail
    prepared = prepare(reader, tmp_path, on_bad_image="skip")
    assert prepared.refusals.rows[["kind", "detail"]].to_numpy().tolist() == [
        ["unreadable", "cannot read it (out of memory)"]
    ]
    reader.meanwhile = lambda: None
    assert len(prepare(reader, tmp_path, on_bad_image="skip").store) == 32


def test_a_missing_extra_stops_at_once(tmp_path: Path) -> None:
    reader = Memory([*NOISE])

    def fail() -> None:
        raise UserError("pip install it")

    reader.meanwhile = fail
    with pytest.raises(UserError, match="pip install it"):
        prepare(reader, tmp_path, on_bad_image="skip")


def test_the_table_s_spacing_counts_where_the_file_says_none(tmp_path: Path) -> None:
    reader = Memory([*NOISE])
    table = reader.read()
    table.images["pixel_spacing"] = 0.1
    prepared = prepare_images(reader, table, Preparation(Imaging(size=(3, 2)), tmp_path))
    np.testing.assert_allclose(prepared.store.spacing, 0.2)


def test_an_undecodable_image_stops_a_strict_run_once_all_others_are_stored(tmp_path: Path) -> None:
    reader = Memory([*NOISE[:9], "it is torn", *NOISE[10:]])
    with pytest.raises(
        UserError, match=r"1 of 32 images are refused \(1 undecodable\).*row 10 \(image 9\): it is torn"
    ):
        prepare(reader, tmp_path)
    reader.loaded.clear()
    assert len(prepare(reader, tmp_path, on_bad_image="skip").store) == 31
    assert reader.loaded == []


def test_refused_images_leave_the_table_their_findings_and_the_store(tmp_path: Path) -> None:
    reader = Memory(["torn", *NOISE[1:9], "burnt", *NOISE[10:]], problems={"5": SUSPECT})
    prepared = prepare(reader, tmp_path, on_bad_image="skip")
    assert len(prepared.store) == len(prepared.table.images) == len(prepared.table.findings) == 29
    for row, path in enumerate(prepared.table.images["path"]):
        np.testing.assert_array_equal(prepared.store[row], NOISE[int(path)][:, :, None])
    said = prepared.refusals.rows
    assert said[["row", "kind", "detail"]].to_numpy().tolist() == [
        [0, "undecodable", "torn"],
        [5, "implant", "expected none, found one"],
        [9, "undecodable", "burnt"],
    ]


def test_what_can_be_decoded_can_be_kept(tmp_path: Path) -> None:
    reader = Memory(["torn", *NOISE[1:]], problems={"5": SUSPECT})
    assert len(prepare(reader, tmp_path, on_bad_image="keep").store) == 31


def test_a_remark_refuses_nothing(tmp_path: Path) -> None:
    remark = (Problem("side", "the tags disagree"),)
    prepared = prepare(Memory([*NOISE], problems={"5": remark}), tmp_path)
    assert len(prepared.store) == 32
    assert prepared.refusals.rows["kind"].tolist() == ["side"]


def test_an_image_of_one_value_is_refused(tmp_path: Path) -> None:
    reader = Memory([np.zeros((6, 4), np.uint8), *NOISE])
    assert prepare(reader, tmp_path, on_bad_image="skip").refusals.rows["kind"].tolist() == ["constant"]


def test_an_image_that_can_be_read_at_last_is_left_out_no_longer(tmp_path: Path) -> None:
    images: list[Any] = [*NOISE[:9], "no codec", "torn", *NOISE[11:]]
    reader = Memory(images)
    prepare(reader, tmp_path, on_bad_image="skip")
    images[9] = NOISE[9]
    assert len(prepare(reader, tmp_path, on_bad_image="skip").store) == 30
    store = prepare(reader, tmp_path, on_bad_image="skip", retry=True).store
    np.testing.assert_array_equal(store[9], NOISE[9][:, :, None])


def test_a_decoder_that_fails_as_nobody_foresaw_costs_one_image(tmp_path: Path) -> None:
    reader = Memory([*NOISE])

    def fail() -> None:
        if reader.loaded[-1] == "7":
            raise ZeroDivisionError("of PATIENT^NAME")

    reader.meanwhile = fail
    prepared = prepare(reader, tmp_path, on_bad_image="skip")
    assert prepared.refusals.rows["detail"].tolist() == ["the decoder failed with ZeroDivisionError"]


def test_a_data_set_without_a_readable_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"found none of 2 that can be decoded.*torn.*data\.root"):
        prepare(Memory(["torn", "burnt"]), tmp_path, on_bad_image="skip")


def test_images_of_several_sizes_need_an_imaging_size(tmp_path: Path) -> None:
    reader = Memory([*NOISE[:20], np.eye(9, 4, dtype=np.uint8), *NOISE[21:]])
    with pytest.raises(UserError, match=r"6 x 4 as the first, found 9 x 4 in image 20.*imaging.size=\[6,4\]"):
        prepare(reader, tmp_path)
    assert len(prepare(reader, tmp_path, Imaging(size=(8, 8))).store) == 32


@pytest.mark.parametrize("row", [0, 31], ids=["seen at once", "after 8-bit images"])
def test_one_image_of_16_bit_makes_all_16_bit(row: int, tmp_path: Path) -> None:
    images: list[Pixels | str] = [*NOISE]
    images[row] = NOISE[row].astype(np.uint16) * 100
    store = prepare(Memory(images), tmp_path).store
    assert store.dtype == np.uint16
    np.testing.assert_array_equal(store[row][..., 0], NOISE[row].astype(np.uint16) * 100)
    np.testing.assert_array_equal(store[7][..., 0], NOISE[7].astype(np.uint16) * 257)
    assert store.damaged() == []


def test_a_reader_of_floats_is_a_mistake_of_its_author(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"memory: load\(\) gave float64"):
        prepare(Memory([np.zeros((6, 4))]), tmp_path)  # type: ignore[list-item]


def test_an_interrupted_preparation_goes_on_where_it_was(tmp_path: Path) -> None:
    reader = Memory([*NOISE])

    def interrupt_late() -> None:
        if len(reader.loaded) == 20:
            raise KeyboardInterrupt

    reader.meanwhile = interrupt_late
    with pytest.raises(KeyboardInterrupt):
        prepare(reader, tmp_path)
    again = Memory([*NOISE])
    prepared = prepare(again, tmp_path)
    assert 0 < len(again.loaded) < 32
    assert prepared.store.fingerprint == prepare(Memory([*NOISE]), tmp_path / "whole").store.fingerprint


KILLED = """
import os, sys
from pathlib import Path
import bcdl.data.filling as filling
from bcdl.data.preparing import Preparation, prepare_images
from bcdl.data.readers import Phantom
from bcdl.imaging import Imaging

filling._CHUNK_MOST = 1
reader = Phantom(patients=20, size=(64, 32))
load, count = Phantom.load, []

def dying(self, *arguments):
    count.append(1)
    if len(count) > 30:
        os.kill(os.getpid(), 9)
    return load(self, *arguments)

Phantom.load = dying
prepare_images(reader, reader.read(), Preparation(Imaging(), Path(sys.argv[1]), workers=1))
"""


def test_a_killed_preparation_loses_nothing_that_it_had_stored(tmp_path: Path) -> None:
    from bcdl.data.readers import Phantom

    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    reader = Phantom(patients=20, size=(64, 32))
    prepared = prepare_images(reader, reader.read(), Preparation(Imaging(), tmp_path, workers=1))
    assert (len(prepared.store), prepared.decoded) == (80, 50)
    assert prepared.store.damaged() == []


def test_a_torn_line_of_a_journal_is_left_out(tmp_path: Path) -> None:
    folder = prepare(Memory([*NOISE]), tmp_path).store.folder
    records = pd.read_parquet(next(folder.glob("part-*.parquet")))
    journal = next(folder.glob("part-*.npy")).with_suffix(".jsonl")
    lines = [json.dumps(record) for record in records.to_dict("records")]
    journal.write_text("\n".join(lines)[:-9])
    next(folder.glob("part-*.parquet")).unlink()
    assert len(read_records(folder)) == 31


def test_verifying_finds_and_mends_damaged_images(tmp_path: Path) -> None:
    first = prepare(Memory([*NOISE]), tmp_path).store
    file = next(first.folder.glob("part-*.npy"))
    data = bytearray(file.read_bytes())
    data[-30] ^= 1
    file.write_bytes(bytes(data))
    reader = Memory([*NOISE])
    assert (prepare(reader, tmp_path).decoded, reader.loaded) == (0, [])
    prepared = prepare(reader, tmp_path, verify=True)
    assert (prepared.damaged, reader.loaded) == (1, ["30"])
    assert prepare(reader, tmp_path, verify=True).damaged == 0
    np.testing.assert_array_equal(prepared.store[30], NOISE[30][:, :, None])


def test_a_second_preparation_waits_and_opens_what_the_first_made(tmp_path: Path) -> None:
    readers = [Memory([*NOISE], meanwhile=lambda: time.sleep(0.002)) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda reader: prepare(reader, tmp_path), readers)
    assert first.store.fingerprint == second.store.fingerprint
    assert [] in [reader.loaded for reader in readers]


def test_two_preparations_end_well_without_file_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    both = Barrier(2, timeout=20)
    readers = [Memory([*NOISE], meanwhile=both.wait) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda reader: prepare(reader, tmp_path), readers)
    assert first.store.fingerprint == second.store.fingerprint
    assert all(reader.loaded for reader in readers)


@pytest.mark.parametrize("suffix", [".npy", ".parquet"])
def test_a_damaged_segment_says_how_to_mend_it_and_is_mended(suffix: str, tmp_path: Path) -> None:
    first = prepare(Memory([*NOISE]), tmp_path).store
    path = next(first.folder.glob(f"part-*{suffix}"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"found (a )?damaged.* prepare\.verify=true"):
        prepare(Memory([*NOISE]), tmp_path)
    mended = prepare(Memory([*NOISE]), tmp_path, verify=True)
    assert (mended.decoded, mended.store.fingerprint) == (32, first.fingerprint)


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write there .* data\.store"):
        prepare(Memory([*NOISE]), tmp_path / "file")


def test_a_full_disk_says_how_much_is_needed_and_keeps_what_was_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = os.pwrite, []

    def refuse_late(descriptor: int, data: bytes, offset: int) -> int:
        written.append(offset)
        if len(written) > 20:
            raise OSError(28, "No space left on device")
        return write(descriptor, data, offset)

    monkeypatch.setattr("os.pwrite", refuse_late)
    monkeypatch.setattr("bcdl.data.filling._CHUNK_MOST", 1)
    with pytest.raises(RunError, match=rf"the disk is full: .* in {tmp_path}.*data.store"):
        prepare(Memory([*NOISE]), tmp_path)
    monkeypatch.setattr("os.pwrite", write)
    prepared = prepare(Memory([*NOISE]), tmp_path)
    assert prepared.decoded == 12
    assert prepared.store.damaged() == []


def test_a_disk_without_room_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100))
    with pytest.raises(RunError, match="the disk is full: the image store needs 0 MB"):
        prepare(Memory([*NOISE]), tmp_path)


def test_private_data_leave_no_path_in_tables_and_messages(tmp_path: Path) -> None:
    reader = Memory([*NOISE[:9], "it is torn", *NOISE[10:]])
    pseudonyms = Pseudonyms(b"k" * 32)
    table = pseudonyms.apply(reader.read())
    how = Preparation(Imaging(), tmp_path, "skip", pseudonyms, publish=True)
    prepared = prepare_images(reader, table, how)
    images = pd.read_parquet(prepared.store.folder / "images.parquet")
    assert (images["path"] == images["image_id"]).all()
    assert set(images["image_id"]).isdisjoint({str(row) for row in range(32)})
    assert prepared.refusals.rows["path"].tolist() == [""]
    with pytest.raises(UserError, match="row 10") as stopped:
        prepared.refusals.kept("error", tmp_path)
    assert "/secret" not in str(stopped.value)


def test_an_unknown_policy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.on_bad_image .*found 'drop'"):
        Preparation(Imaging(), tmp_path, "drop")
