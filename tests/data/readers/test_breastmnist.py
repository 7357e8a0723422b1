import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdl.data.readers import BreastMNIST
from bcdl.data.readers.breastmnist import MD5
from bcdl.data.readers.download import file_md5
from bcdl.errors import UserError

COUNTS = {"train": 7, "val": 3, "test": 4}


def arrays(size: int) -> dict[str, NDArray[np.uint8]]:
    """The source's arrays, in its form: images (N, size, size), labels (N, 1)."""
    rng = np.random.default_rng(size)
    images = {f"{s}_images": rng.integers(0, 255, (n, size, size), dtype=np.uint8) for s, n in COUNTS.items()}
    return images | {f"{s}_labels": rng.integers(0, 2, (n, 1), dtype=np.uint8) for s, n in COUNTS.items()}


def write(root: Path, monkeypatch: pytest.MonkeyPatch, size: int = 28) -> dict[str, NDArray[np.uint8]]:
    """Write an npz and have it count as the published one."""
    path = root / ("breastmnist.npz" if size == 28 else f"breastmnist_{size}.npz")
    content = arrays(size)
    np.savez_compressed(path, allow_pickle=True, **content)
    monkeypatch.setitem(MD5, size, file_md5(path))
    return content


@pytest.mark.parametrize("size", [28, 64, 128, 224])
def test_rows_and_pixels_are_those_of_the_file(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = write(tmp_path, monkeypatch, size)
    reader = BreastMNIST(tmp_path, size)
    images = reader.read().images
    assert images["split"].value_counts().to_dict() == COUNTS
    for split in COUNTS:
        rows = images[images["split"] == split]
        assert rows["label"].tolist() == content[f"{split}_labels"][:, 0].tolist()
        loaded = [
            reader.load(path, frame).pixels for path, frame in zip(rows["path"], rows["frame"], strict=True)
        ]
        np.testing.assert_array_equal(loaded, content[f"{split}_images"])


def test_zero_is_malignant_and_positive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, monkeypatch)
    table = BreastMNIST(tmp_path).read()
    assert table.classes == ("malignant", "normal_or_benign")
    assert (table.positive, table.positive_label) == ("malignant", 0)


def test_every_image_is_a_patient_with_an_unknown_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, monkeypatch)
    images = BreastMNIST(tmp_path).read().images
    assert images["patient_id"].is_unique
    assert set(images["laterality"]) == {"NA"}
    assert set(images["view"]) == {"US"}


def test_sizes_have_different_fingerprints(tmp_path: Path) -> None:
    prints = {BreastMNIST(tmp_path, size, download=True).fingerprint() for size in MD5}
    assert len(prints) == 4


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    expected = f"expected {tmp_path}/breastmnist_64.npz .MD5 {MD5[64]}.*data.download=true"
    with pytest.raises(UserError, match=expected):
        BreastMNIST(tmp_path, 64)


@pytest.mark.parametrize(("share", "kind"), [(0.5, "truncated or no npz archive"), (1.0, "another archive")])
def test_a_corrupt_file_is_named_with_both_md5s(share: float, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "breastmnist.npz"
    np.savez(path, allow_pickle=True, **arrays(28))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    message = f"{path}: expected MD5 {MD5[28]}, found {file_md5(path)}: {kind}.*data.download=true"
    with pytest.raises(UserError, match=message):
        BreastMNIST(tmp_path).read()


def test_a_missing_file_is_downloaded_where_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    source.mkdir()
    write(source, monkeypatch)
    address = (source / "breastmnist.npz").as_uri()
    reader = BreastMNIST(tmp_path / "root", download=True, url=address)
    assert len(reader.read().images) == 14
    assert reader.file.is_file()


def test_a_failed_download_is_explained(tmp_path: Path) -> None:
    reader = BreastMNIST(tmp_path, download=True, url=(tmp_path / "nowhere").as_uri())
    with pytest.raises(UserError, match="cannot be reached"):
        reader.read()


@pytest.mark.parametrize(
    ("path", "frame"), [("train/7", 0), ("train/-1", 0), ("other/0", 0), ("train", 0), ("train/0", 1)]
)
def test_a_path_of_no_image_is_refused(
    path: str, frame: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, monkeypatch)
    with pytest.raises(UserError, match=f"found {path}"):
        BreastMNIST(tmp_path).load(path, frame)


def test_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected data\.size of 28, 64, 128, 224, found 32"):
        BreastMNIST(tmp_path, 32)


def test_there_are_no_masks(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected no masks"):
        BreastMNIST(tmp_path, download=True).load_mask("train/0")


def test_the_real_file_has_the_published_counts() -> None:
    root = Path(os.environ.get("BCDL_TEST_DATA", "../shared/data")) / "breastmnist"
    if not root.is_dir():
        pytest.skip(f"real data: no folder {root} (set BCDL_TEST_DATA)")
    reader = BreastMNIST(root)
    images = reader.read().images
    malignant = images[images["label"] == 0].groupby("split").size()
    assert images.groupby("split").size().to_dict() == {"train": 546, "val": 78, "test": 156}
    assert malignant.to_dict() == {"train": 147, "val": 21, "test": 42}
    assert reader.load("test/155").pixels.shape == (28, 28)
