"""`bcdl audit`: as a user types it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import pandas as pd
import pytest

from bcdl.data.readers import Phantom

Bcdl = Callable[..., int]


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    """A manifest of phantoms in which one image of a train patient is in test too, under another name."""
    folder = tmp_path / "exams"
    folder.mkdir()
    reader = Phantom(patients=16, size=(128, 64), prevalence=0.5)
    images = reader.read().images
    for number, path in enumerate(images["path"]):
        cv2.imwrite(str(folder / f"{number}.png"), reader.load(path).pixels)
    patient = images["patient_id"].str[1:].astype(int)
    rows = images[["patient_id", "exam_id", "laterality", "view", "label"]].assign(
        path=[f"{number}.png" for number in range(len(images))],
        split=patient.map(lambda number: ("train", "train", "val", "test")[number % 4]),
    )
    copy = rows.iloc[[0]].assign(patient_id="other", exam_id="other", path="copy.png", split="test")
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    (folder / "unlisted.png").write_bytes((folder / "1.png").read_bytes())
    pd.concat([rows, copy]).to_csv(folder / "exams.csv", index=False)
    return folder / "exams.csv"


def test_a_copy_across_splits_is_found_reported_and_stops_a_strict_audit(
    bcdl_in_process: Bcdl, leaky: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = (
        "audit",
        "data=manifest",
        f"data.path={leaky}",
        "data.pseudonyms=false",
        f"out={tmp_path}/report",
    )
    assert bcdl_in_process(*typed) == 0
    printed = capsys.readouterr().out
    assert "1 severe" in printed
    found = pd.read_csv(tmp_path / "report" / "findings.csv")
    assert {"duplicates_across_splits", "images_without_annotation"} <= set(found["check"])
    copies = pd.read_csv(tmp_path / "report" / "duplicates_across_splits.csv").to_csv()
    assert "copy.png" in copies
    assert "0.png" in copies
    unlisted = pd.read_csv(tmp_path / "report" / "images_without_annotation.csv")
    assert unlisted["path"].tolist() == ["unlisted.png"]
    page = (tmp_path / "report" / "audit.html").read_text()
    assert "data.drop_duplicates" in page
    assert 'src="http' not in page
    assert bcdl_in_process(*typed, "audit.strict=true") == 3
    assert "severe findings (audit.strict=true): duplicates_across_splits" in capsys.readouterr().err


def test_a_clean_data_set_passes_a_strict_audit(bcdl_in_process: Bcdl, tmp_path: Path) -> None:
    typed = ("data=phantom", "data.reader.patients=24", "data.reader.size=[64,32]", "audit.strict=true")
    assert bcdl_in_process("audit", *typed, f"out={tmp_path}/report") == 0


@pytest.mark.parametrize("side", ["train", "test"])
def test_dropping_duplicates_takes_the_copy_from_one_side(
    side: str, bcdl_in_process: Bcdl, leaky: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bcdl.configs import compose
    from bcdl.sources import build_source

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    typed = ["data=manifest", f"data.path={leaky}", "data.pseudonyms=false", f"data.drop_duplicates={side}"]
    kept = set(build_source(compose("train", typed)).open().table.images["path"])
    assert {"train": "0.png", "test": "copy.png"}[side] not in kept
    assert {"train": "copy.png", "test": "0.png"}[side] in kept


def test_a_folder_that_cannot_be_made_is_refused(
    bcdl_in_process: Bcdl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert bcdl_in_process("audit", "data=phantom", f"out={tmp_path}/file/report") == 2
    assert "expected out to name a folder" in capsys.readouterr().err


def test_several_data_sets_are_audited_one_by_one(
    bcdl_in_process: Bcdl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bcdl_in_process("audit", "data=multi", "data.stores={a:x}") == 2
    assert "found data=multi" in capsys.readouterr().err
