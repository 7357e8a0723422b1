"""`bcdl prepare`: as a user types it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from bcdl.data.readers import Phantom

Bcdl = Callable[..., int]
SIZE = "imaging.size=[64,32]"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Six phantom views as PNG files, one truncated, in a manifest."""
    reader = Phantom(patients=3, size=(64, 32))
    rows = reader.read().images.iloc[::2].head(6)
    for number, path in enumerate(rows["path"]):
        cv2.imwrite(str(tmp_path / f"{number}.png"), reader.load(path).pixels)
    (tmp_path / "3.png").write_bytes((tmp_path / "3.png").read_bytes()[:60])
    listed = rows[["patient_id", "laterality", "view"]].assign(path=[f"{n}.png" for n in range(6)])
    listed.to_csv(tmp_path / "exams.csv", index=False)
    return tmp_path / "exams.csv"


def store(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.is_dir())


def test_a_data_set_is_stored_and_a_second_time_nothing_is_decoded(
    bcdl_in_process: Bcdl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ("prepare", "data=phantom", "data.reader.patients=5", SIZE, f"data.store={tmp_path}/stores")
    assert bcdl_in_process(*typed) == 0
    assert "20 images of 5 patients and 5 exams, 64 x 32 pixels of 8 bit" in capsys.readouterr().out
    assert bcdl_in_process(*typed, "prepare.verify=true") == 0
    printed = capsys.readouterr().out
    assert "decoded 0 in" in printed
    assert "verified: 0 stored images were damaged" in printed
    assert len(pd.read_parquet(store(tmp_path / "stores") / "images.parquet")) == 20


def test_a_refused_image_is_an_error_after_all_others_are_stored(
    bcdl_in_process: Bcdl, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ("prepare", "data=manifest", f"data.path={manifest}", f"data.store={tmp_path}/stores")
    assert bcdl_in_process(*typed, "data.pseudonyms=false") == 2
    captured = capsys.readouterr()
    assert "undecodable" in captured.out
    assert "row 4 (image 3.png)" in captured.err
    assert "data.on_bad_image=skip" in captured.err
    report = pd.read_csv(store(tmp_path / "stores") / "refusals.csv")
    assert report[["row", "path", "kind", "refused"]].to_numpy().tolist() == [
        [4, "3.png", "undecodable", True]
    ]
    assert bcdl_in_process(*typed, "data.pseudonyms=false", "data.on_bad_image=skip") == 0
    assert "5 images of" in capsys.readouterr().out


def test_private_data_are_pseudonymised_and_linked_for_the_user_alone(
    bcdl_in_process: Bcdl, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    typed = ("prepare", "data=manifest", f"data.path={manifest}", f"data.store={tmp_path}/stores")
    assert bcdl_in_process(*typed, "data.on_bad_image=skip") == 0
    folder = store(tmp_path / "stores")
    stored = pd.read_parquet(folder / "images.parquet")
    links = pd.read_csv(tmp_path / "config" / "bcdl" / "links" / f"{folder.name}.csv")
    assert not stored["patient_id"].str.startswith("p0").any()
    assert set(links["patient_id_pseudonym"]) == set(stored["patient_id"])
    assert (tmp_path / "config" / "bcdl" / "pseudonym.key").stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_features_are_measured_once_for_every_image(bcdl_in_process: Bcdl, tmp_path: Path) -> None:
    pytest.importorskip("skimage")
    from bcdl.features import FEATURES

    typed = ("prepare", "data=phantom", "data.reader.patients=3", SIZE, f"data.store={tmp_path}/stores")
    assert bcdl_in_process(*typed, "prepare.features=true") == 0
    file = store(tmp_path / "stores") / "features.parquet"
    table = pd.read_parquet(file)
    assert list(table) == ["image_id", "checksum", *FEATURES]
    assert len(table) == 12
    assert np.isfinite(table[list(FEATURES)].to_numpy()).all()
    more = tuple(word.replace("patients=3", "patients=4") for word in typed)
    assert bcdl_in_process(*more, "prepare.features=true", "prepare.workers=1") == 0
    again = pd.read_parquet(file)
    assert len(again) == 16
    pd.testing.assert_frame_equal(again.head(12), table)
