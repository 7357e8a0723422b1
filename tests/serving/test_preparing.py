"""From sent bytes to pixels: what a decoder reads is nowhere on a disk."""

import io
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bcdl.imaging import AS_IT_IS, Display, Picture
from bcdl.serving import preparing
from bcdl.serving.preparing import SentFiles, SentImage, prepare_images
from bcdl.serving.scorer import Scorer
from tests.data.readers.dicom_files import write_dicom
from tests.serving.conftest import png

in_memory = pytest.mark.skipif(
    not preparing._ANONYMOUS, reason="the system has no memory that can be named as a file"
)
GREY = np.arange(64 * 32, dtype=np.uint16).reshape(64, 32).astype(np.uint8)


def cells(folder: Path) -> pd.Series:
    """Return one image as PNG, NPY and DICOM."""
    array = io.BytesIO()
    np.save(array, GREY)
    dicom = write_dicom(folder / "sent.dcm", GREY, ImageLaterality="R", PatientName="Anna")
    return pd.Series([png(GREY), array.getvalue(), dicom.read_bytes()])


def prepared(scorer: Scorer, sent: pd.Series) -> list[SentImage]:
    rows = pd.DataFrame({"laterality": [None] * len(sent), "view": [None] * len(sent)})
    return prepare_images(sent, rows, {}, scorer.facts)


@in_memory
def test_no_image_is_written_to_a_disk(
    scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, found, temporary = cells(tmp_path), [], tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    load = SentFiles.load

    def watched(self: SentFiles, path: str, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
        found.extend(file.readlink() for file in temporary.rglob("image.*"))
        return load(self, path, frame, display)

    monkeypatch.setattr(SentFiles, "load", watched)
    assert [image.error for image in prepared(scorer, sent)] == ["", "", ""]
    assert [link.parent for link in found] == [Path("/proc/self/fd")] * 3
    assert list(temporary.iterdir()) == []


def test_images_are_the_same_through_memory_and_through_files(
    scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = cells(tmp_path)
    through_memory = prepared(scorer, sent)
    monkeypatch.setattr(preparing, "_ANONYMOUS", False)
    for one, other in zip(through_memory, prepared(scorer, sent), strict=True):
        assert one.pixels is not None
        assert other.pixels is not None
        np.testing.assert_array_equal(one.pixels, other.pixels)
    assert through_memory[2].laterality == "R"


@in_memory
def test_no_file_stays_open(scorer: Scorer, tmp_path: Path) -> None:
    sent = pd.concat([cells(tmp_path), pd.Series([png(GREY)[:60]])], ignore_index=True)
    before = len(list(preparing._OPEN_FILES.iterdir()))
    assert prepared(scorer, sent)[3].error
    assert len(list(preparing._OPEN_FILES.iterdir())) == before
