"""A run's model, saved and loaded again, and the run's own images as a request."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import bcdl
from bcdl.notebook import Run
from bcdl.serving.bundle import load_bundle, write_bundle
from bcdl.serving.facts import Facts
from bcdl.serving.scorer import Scorer

IDS = ["patient_id", "exam_id", "laterality", "view"]


def png(pixels: NDArray[np.uint8 | np.uint16]) -> bytes:
    """Return grey pixels (H, W) as a PNG file."""
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


def request_of(run: Run) -> pd.DataFrame:
    """Return the validation and test images of a run as PNG files, with their ids, sides, views, dates."""
    images = run.data.table.images.query("split != 'train'").reset_index(drop=True)
    reader = run.data.source.masks
    assert reader is not None
    request = images[IDS].astype(object)
    request.insert(0, "image", [png(reader.load(path).pixels) for path in images["path"]])
    if run.data.unit == "image":
        request["sample"] = images["image_id"]
    days = pd.to_timedelta(images["exam_day"].fillna(0), unit="D")
    return request.assign(exam_date=(pd.Timestamp("2020-01-01") + days).dt.strftime("%Y-%m-%d"))


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Run], Scorer]:
    """Save a run's model and load it again."""

    def save(run: Run) -> Scorer:
        folder = tmp_path / f"bundle-{run.id}"
        folder.mkdir()
        facts = Facts.of(run.data, run.config, run.metrics["threshold"])
        write_bundle(folder, run.config, run.data, run.model, facts)
        return load_bundle(folder)

    return save


@pytest.fixture(scope="module")
def breasts(trained_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The trained run on breasts, with the environment that it needs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return bcdl.load_run("latest", trained_root)


@pytest.fixture(scope="module")
def scorer(breasts: Run, tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    """Its model, saved and loaded again."""
    folder = tmp_path_factory.mktemp("bundle")
    facts = Facts.of(breasts.data, breasts.config, breasts.metrics["threshold"])
    write_bundle(folder, breasts.config, breasts.data, breasts.model, facts)
    return load_bundle(folder)
