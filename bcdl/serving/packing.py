"""A model's files in MLflow's form: signature, input example, requirements, model card."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.serving.answer import probability_columns
from bcdl.serving.facts import Facts
from bcdl.serving.request import COLUMNS

CARD = "model_card.md"
_PINNED = (
    *("torch", "torchvision", "lightning", "mlflow", "hydra-core", "omegaconf"),
    *("numpy", "pandas", "opencv-python-headless", "scikit-learn", "skops"),
)
_EXTRAS = {"dicom": ("pydicom",), "radiomics": ("scikit-image",), "weights": ("timm",)}
_POSITIONS = (("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO"))
_EXAMPLE_IMAGES = {"image": 1, "breast": 2, "exam": 4, "patient": 4}
_SMALL = 128  # pixels along the longer side of an example that is scaled anyway


def pack(path: Path, bundle: Path, facts: Facts, card: str, logged: Any) -> None:  # noqa: ANN401 - MLflow's LoggedModel
    """Write MLflow's model folder: no Python object is pickled, weights are read as tensors alone.

    Args:
        path: the folder, which does not exist yet.
        bundle: folder of the model's own files.
        facts: of the data that it was trained on.
        card: the model card, in Markdown.
        logged: the logged model that it is to be.
    """
    os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")  # or it takes along what lies in this folder
    with _quiet_mlflow():
        from mlflow import pyfunc
        from mlflow.models import Model

        pyfunc.save_model(
            str(path),
            loader_module="bcdl.serving",
            data_path=str(bundle),
            mlflow_model=Model(
                run_id=logged.source_run_id, model_uuid=logged.model_id, model_id=logged.model_id
            ),
            signature=signature(facts),
            input_example=example(facts),
            pip_requirements=requirements(),
        )
    (path / CARD).write_text(card)


def signature(facts: Facts) -> Any:  # noqa: ANN401 - MLflow's ModelSignature
    """Return what goes in and what comes out."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs = [ColSpec("binary", "image"), *(ColSpec("string", name, required=False) for name in COLUMNS)]
    outputs = [
        ColSpec("string", "sample"),
        *(ColSpec("double", name) for name in probability_columns(facts.classes)),
        *(ColSpec("string", "decision"), ColSpec("long", "images"), ColSpec("string", "error")),
    ]
    return ModelSignature(Schema(inputs), Schema(outputs))


def example(facts: Facts) -> pd.DataFrame:
    """Return a sample of drawn images, which show nobody's breast."""
    count = _EXAMPLE_IMAGES[facts.unit]
    rows: list[dict[str, object]] = [{"image": _png(_drawn(facts))} for _ in range(count)]
    if facts.unit == "image":
        return pd.DataFrame(rows)
    for row, (laterality, view) in zip(rows, _POSITIONS, strict=False):
        row.update(patient_id="example", laterality=laterality, view=view)
    return pd.DataFrame(rows)


def requirements() -> list[str]:
    """Return the versions of bcdl and of what computes with it."""
    extras = [name for name, needs in _EXTRAS.items() if all(map(_installed, needs))]
    own = f"bcdl[{','.join(extras)}]" if extras else "bcdl"
    named = {
        name: _installed(name) for name in (*_PINNED, *(need for name in extras for need in _EXTRAS[name]))
    }
    return [f"{own}=={_installed('bcdl')}", *(f"{name}=={found}" for name, found in named.items() if found)]


@contextmanager
def _quiet_mlflow() -> Iterator[None]:
    """Keep from the user what MLflow 3.17 says of its own code."""
    logging.getLogger("mlflow.pyfunc").setLevel(logging.WARNING)  # that it validates the example
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType")  # types of its own
        warnings.filterwarnings("ignore", "Operation with range is deprecated")  # what it asks pandas
        yield


def _installed(name: str) -> str:
    """Return the version of a package as an index knows it, nothing where it is not installed."""
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return ""


def _drawn(facts: Facts) -> NDArray[np.uint8 | np.uint16]:
    """Draw a bright half-disc at the left edge on a dark ground."""
    height, width = facts.image_size
    if facts.imaging.get("size"):
        scale = min(1.0, _SMALL / max(height, width))
        height, width = max(1, round(height * scale)), max(1, round(width * scale))
    y, x = np.mgrid[:height, :width]
    distance = np.hypot((y - height / 2) / (0.45 * height), x / (0.7 * width))
    grey = np.clip(1 - distance, 0, None) ** 0.5 * 0.55
    dtype = np.dtype(facts.dtype)
    drawn: NDArray[np.uint8 | np.uint16] = (grey * np.iinfo(dtype).max).astype(dtype)
    return drawn


def _png(image: NDArray[np.uint8 | np.uint16]) -> bytes:
    return bytes(cv2.imencode(".png", image)[1].tobytes())
