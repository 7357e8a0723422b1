"""bcdl: breast-cancer detection experiments with PyTorch Lightning, Hydra and MLflow.

Importing the package imports none of the heavy libraries; it only keeps theirs from phoning home, and OpenCV
from decoding images that would fill the memory.
"""

import os
from importlib.metadata import version
from typing import TYPE_CHECKING

from bcdl.lazy import importer
from bcdl.limits import MOST_PIXELS

if TYPE_CHECKING:
    from bcdl.notebook import Run, load_run

__version__ = version("bcdl")
__all__ = ["Run", "__version__", "load_run"]

for _switch in ("MLFLOW_DISABLE_TELEMETRY", "NO_ALBUMENTATIONS_UPDATE", "DO_NOT_TRACK"):
    os.environ.setdefault(_switch, "1" if _switch.startswith("NO") else "true")

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MOST_PIXELS))  # read once, when OpenCV is imported

__getattr__ = importer(__name__, {"Run": "notebook", "load_run": "notebook"})  # `import bcdl` stays light
