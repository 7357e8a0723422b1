import numpy as np
import pytest

from bcdl.errors import UserError
from bcdl.imaging import Imaging


def test_prepare_fits_and_adds_channels() -> None:
    image = np.full((40, 20), 9, np.uint16)
    assert Imaging().prepare(image).shape == (40, 20, 1)
    prepared = Imaging(size=(16, 16), channels=3).prepare(image)
    assert prepared.shape == (16, 16, 3)
    assert prepared.dtype == np.uint16


def test_a_size_from_yaml_equals_a_tuple() -> None:
    assert Imaging(size=[16, 8]) == Imaging(size=(16, 8))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(16,), (16, 16, 3), (0, 16), (-4, 16), (16.0, 16), ("16", 16)])
def test_a_size_that_cannot_be_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=r"expected imaging.size=\[rows,columns\]"):
        Imaging(size=size)


def test_other_channels_are_refused() -> None:
    with pytest.raises(UserError, match=r"expected imaging\.channels of 1 or 3, found 2"):
        Imaging(channels=2)
