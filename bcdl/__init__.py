"""bcdl: breast-cancer detection experiments with PyTorch Lightning, Hydra and MLflow.

Importing the package imports none of the heavy libraries; it only keeps theirs from phoning home, and OpenCV
from decoding images that would fill the memory.
"""

import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from bcdl.limits import MOST_PIXELS

if TYPE_CHECKING:
    from bcdl.notebook import Run, load_run

__version__ = version("bcdl")
__all__ = ["Run", "__version__", "load_run"]

for _switch in ("MLFLOW_DISABLE_TELEMETRY", "NO_ALBUMENTATIONS_UPDATE", "DO_NOT_TRACK"):
    os.environ.setdefault(_switch, "1" if _switch.startswith("NO") else "true")

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MOST_PIXELS))  # read once, when OpenCV is imported


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the type is that of the lazily imported name
    """Import the Python door on first use, so that `import bcdl` stays light."""
    if name in ("Run", "load_run"):
        from bcdl import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module 'bcdl' has no attribute '{name}'")
