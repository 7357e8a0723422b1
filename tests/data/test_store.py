import pickle
from pathlib import Path

import numpy as np
import pytest

from bcdl.data.preparing import Preparation, prepare_images
from bcdl.data.readers import Phantom
from bcdl.data.store import ImageStore, cache_folder, read_about
from bcdl.errors import UserError
from bcdl.imaging import Imaging


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    reader = Phantom(patients=3, size=(64, 32))
    return prepare_images(reader, reader.read(), Preparation(Imaging(size=(32, 32)), tmp_path)).store


def test_a_store_survives_pickling(store: ImageStore) -> None:
    copy = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(copy[5], store[5])
    assert copy.fingerprint == store.fingerprint


def test_images_cannot_be_written_to(store: ImageStore) -> None:
    with pytest.raises(ValueError, match="read-only"):
        store[0][...] = 0


def test_a_subset_has_its_rows_in_their_order(store: ImageStore) -> None:
    part = store.subset(np.array([7, 2]))
    np.testing.assert_array_equal(part[0], store[7])
    np.testing.assert_array_equal(part[1], store[2])
    assert len(part) == 2


def test_every_image_knows_its_geometry_and_spacing(store: ImageStore) -> None:
    geometry = store.geometry(0)
    assert (geometry.source, geometry.size) == ((64, 32), (32, 32))
    np.testing.assert_allclose(store.spacing, 240 / 64 * 2)


def test_the_cache_folder_is_the_user_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "bcdl" / "stores"


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected an image store .* bcdl prepare"):
        read_about(tmp_path)
