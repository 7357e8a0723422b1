"""A trained model as MLflow serves it: bytes of images go in, probabilities and decisions come out.

What is saved holds weights and plain text; the code is that of the installed bcdl. Neither the training data
nor its image store is needed to predict.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bcdl.serving.scorer import Scorer


def _load_pyfunc(data_path: str) -> "Scorer":
    """Return the saved model; MLflow calls this by its name when it loads one."""
    from bcdl.serving.bundle import load_bundle

    return load_bundle(Path(data_path))
