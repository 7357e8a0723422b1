"""Images with known features."""

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def noise() -> NDArray[np.uint8]:
    """A lopsided breast of smooth blobs and noise, (60, 40), with air around it."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:60, :40]
    smooth = 90 + 50 * np.sin(rows / 7 + columns / 11) + generator.normal(0, 15, (60, 40))
    inside = (rows - 25) ** 2 / 600 + columns**2 / 900 <= 1
    return np.where(inside, smooth.clip(20, 250), 0).astype(np.uint8)


@pytest.fixture
def breast() -> NDArray[np.bool_]:
    """A breast that fills the left three quarters of (32, 32)."""
    mask = np.zeros((32, 32), bool)
    mask[:, :24] = True
    return mask
