"""What every reader keeps to, whatever its source."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bcdl.data.readers import BreastMNIST, Manifest, Phantom, Reader
from bcdl.data.readers.breastmnist import MD5
from bcdl.data.readers.download import file_md5
from bcdl.data.table import validate_table
from bcdl.errors import UserError
from tests.data.readers.test_busi import busi
from tests.data.readers.test_cbis_ddsm import cbis_ddsm
from tests.data.readers.test_cmmd import cmmd
from tests.data.readers.test_csaw_cc import csaw_cc
from tests.data.readers.test_dicom_folder import dicom_folder
from tests.data.readers.test_embed import embed
from tests.data.readers.test_inbreast import inbreast
from tests.data.readers.test_mini_mias import mini_mias
from tests.data.readers.test_rsna import rsna
from tests.data.readers.test_vindr_mammo import vindr_mammo


def breastmnist(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    images = {f"{split}_images": np.zeros((2, 28, 28), np.uint8) for split in ("train", "val", "test")}
    labels = {f"{split}_labels": np.array([[0], [1]], np.uint8) for split in ("train", "val", "test")}
    np.savez(folder / "breastmnist.npz", allow_pickle=True, **images, **labels)
    monkeypatch.setitem(MD5, 28, file_md5(folder / "breastmnist.npz"))
    return BreastMNIST(folder)


def manifest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    np.save(folder / "a.npy", np.zeros((4, 4), np.uint16))
    np.save(folder / "m.npy", np.eye(4, dtype=np.uint8))
    (folder / "images.csv").write_text("patient_id,path,label\n1,a.npy,benign\n")
    (folder / "findings.csv").write_text("image_id,kind,mask_path\na.npy,mass,m.npy\n")
    return Manifest(folder / "images.csv", findings=folder / "findings.csv")


def phantom(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    return Phantom(patients=12, size=(64, 32), prevalence=1.0)


OF_FILES = [
    busi,
    cbis_ddsm,
    cmmd,
    csaw_cc,
    dicom_folder,
    embed,
    inbreast,
    mini_mias,
    rsna,
    vindr_mammo,
]


@pytest.fixture(params=[breastmnist, manifest, phantom, *OF_FILES], ids=lambda make: make.__name__)
def reader(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    make: Callable[..., Reader] = request.param
    return make(tmp_path) if make in OF_FILES else make(tmp_path, monkeypatch)


def test_tables_are_valid_and_of_the_readers_classes(reader: Reader) -> None:
    table = validate_table(reader.read(), reader.name)
    assert (table.classes, table.positive) == (reader.classes, reader.positive)
    assert reader.positive in reader.classes


def test_reading_twice_gives_the_same(reader: Reader) -> None:
    assert reader.read().images.equals(reader.read().images)
    assert reader.fingerprint() == reader.fingerprint()


def test_images_are_arrays_of_8_or_16_bit_in_a_copy_of_the_reader_too(reader: Reader) -> None:
    copy: Reader = pickle.loads(pickle.dumps(reader))
    row = reader.read().images.iloc[0]
    image = copy.load(row["path"], int(row["frame"])).pixels
    assert image.dtype in (np.uint8, np.uint16)
    assert image.ndim == 2 or image.shape[2:] == (3,)
    np.testing.assert_array_equal(image, reader.load(row["path"], int(row["frame"])).pixels)


def test_masks_lie_on_their_images(reader: Reader) -> None:
    table = reader.read()
    marked = table.findings.dropna(subset="mask_path")
    for finding in marked.itertuples():
        mask = reader.load_mask(str(finding.mask_path))
        row = table.images.set_index("image_id").loc[finding.image_id]
        assert mask.dtype == np.bool_
        image = reader.load(row["path"], int(row["frame"])).pixels
        assert mask.ndim == 2
        assert mask.shape == image.shape[:2] or reader.name == "cbis_ddsm"  # its masks may be of another size
        assert mask.any()


def test_an_image_that_is_not_there_is_the_users_to_know(reader: Reader) -> None:
    with pytest.raises(UserError):
        reader.load("not/there")
    with pytest.raises(UserError):
        reader.load_mask("not/there")


def test_the_name_can_name_a_folder(reader: Reader) -> None:
    assert reader.name.isidentifier()
