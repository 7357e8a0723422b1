"""The facts of a run's data as a file."""

import json

import numpy as np
import pytest

from bcdl.errors import UserError
from bcdl.notebook import Run
from bcdl.serving.facts import Facts
from bcdl.stats import Calibrator


def test_facts_are_read_as_they_were_written(breasts: Run) -> None:
    calibrator = Calibrator("isotonic", (-1.0, 0.5, 0.1, 0.8))
    facts = Facts.of(breasts.data, breasts.config, 0.25, calibrator)
    again = Facts.read(facts.written())
    assert again.calibrator == calibrator
    assert again.calibrator(np.array([0.0])) == facts.calibrator(np.array([0.0]))
    assert again.classes == facts.classes == ("benign_or_normal", "malignant")
    assert again.image_size == (64, 32)
    assert again.prepares == facts.prepares
    assert (again.unit, again.threshold, again.dtype) == ("breast", 0.25, "uint8")


def test_facts_of_another_version_are_refused(breasts: Run) -> None:
    facts = json.loads(Facts.of(breasts.data, breasts.config, 0.25).written())
    del facts["dtype"]
    with pytest.raises(UserError, match=r"another version of bcdl .they differ in dtype.; install"):
        Facts.read(json.dumps(facts))
