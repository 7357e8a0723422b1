import sys

import numpy as np
import pytest

from bcdl.errors import UserError
from bcdl.features import image_features


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.measure", None)
    with pytest.raises(UserError, match=r"scikit-image: pip install 'bcdl\[radiomics\]'"):
        image_features(np.eye(8, dtype=np.uint8))
