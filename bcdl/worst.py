"""The worst errors of a reading as a section of its report: which samples, what they look like, and why."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from bcdl.data import ExamDataModule, collate
from bcdl.data.batch import Batch
from bcdl.evaluation.assessment import Section
from bcdl.evaluation.assessment.errors import FILE, TITLE, in_words, listed_errors, worst_errors
from bcdl.evaluation.hanging import hang
from bcdl.evaluation.sheet import Frame
from bcdl.explain import View, explain, methods_for
from bcdl.explain.panel import sample_panel
from bcdl.models import Classifier
from bcdl.sheets import findings_outlines

_CHEAP = {
    "hires_cam": "HiResCAM, the evidence for the class",
    "attention_rollout": "attention rollout, where the transformer looked",
}  # one pass or two, no extra


def errors_section(
    judged: pd.DataFrame,
    threshold: float,
    classes: Sequence[str],
    count: int,
    *,
    data: ExamDataModule | None = None,
    model: Classifier | None = None,
) -> Section | None:
    """Return the section, None where none is asked for.

    Args:
        judged: the judged rows of a predictions table.
        threshold: that of decisions.
        classes: class names by label.
        count: most errors.
        data: prepared data that hold these samples; without them there are no pictures.
        model: the model that made the predictions; without it no maps lie over the pictures.
    """
    if count == 0:
        return None
    found = worst_errors(judged, threshold, classes, count)
    if data is None or found.empty:
        return listed_errors(judged, threshold, classes, count)
    method = _method(model)
    panels = _panels(found, data, model, method)
    files = [f"figures/{name}.jpg" for name in _names(found)]
    return Section(
        TITLE,
        f"{in_words(threshold, classes)} {_told(method)}",
        {FILE: found},
        dict(zip(files, panels, strict=True)),
        dict(zip(files, map(_caption, found.to_dict("records")), strict=True)),
    )


def _told(method: str | None) -> str:
    if method is None:
        return "Findings are outlined where the data mark them. No map of evidence works for this model."
    return (
        f"Beside or below each view is its map: {_CHEAP[method]}. Each sample has a scale of its own, so "
        "a bright place is the brightest of this sample, no proof; one that stays grey has no evidence. "
        "Findings are outlined where the data mark them."
    )


def _method(model: Classifier | None) -> str | None:
    works = methods_for(model) if model is not None else ()
    return next((name for name in _CHEAP if name in works), None)


def _names(found: pd.DataFrame) -> list[str]:
    kinds = found["error"].str.replace(" ", "_")
    return [
        f"{kind}_{number}" for kind, number in zip(kinds, found.groupby("error").cumcount() + 1, strict=True)
    ]


def _caption(error: Mapping[Any, Any]) -> str:
    return f"{error['error']}: {error['truth']}, probability {error['probability']:.3f}; {error['sample_id']}"


def _panels(
    found: pd.DataFrame, data: ExamDataModule, model: Classifier | None, method: str | None
) -> list[bytes]:
    rows = pd.Index(data.samples["sample_id"]).get_indexer(found["sample_id"].tolist())
    batch = _batch(data, rows, model)
    outlines = findings_outlines(data, data.samples.loc[rows])
    maps = _maps(batch, found, data, model, method) if model is not None and method else None
    shown = hang(batch, outlines)
    under = hang({**batch, "image": _as_images(maps, batch)}, outlines)
    return [sample_panel(_views(*pair), maps is not None) for pair in zip(shown, under, strict=True)]


def _batch(data: ExamDataModule, rows: NDArray[np.int64], model: Classifier | None) -> Batch:
    """Return samples by their rows in the sample table, as the model sees them, on its device."""
    dataset = data.dataset("all")
    batch = collate(dataset.__getitems__([(row, 0, place) for place, row in enumerate(rows.tolist())]))
    if model is not None:
        device = next(model.parameters(), torch.empty(0)).device
        batch = cast(Batch, data.transfer_batch_to_device(batch, device, 0))
    return data.on_after_batch_transfer(batch, 0)


def _maps(
    batch: Batch, found: pd.DataFrame, data: ExamDataModule, model: Classifier, method: str
) -> NDArray[np.float32]:
    """Return (B, V, H, W): of two classes the positive one is explained, of more the one that was called."""
    if len(data.classes) == 2:
        return explain(model, batch, method).maps
    maps = np.zeros(batch["image"].shape[:2] + batch["image"].shape[-2:], np.float32)
    called = np.asarray([data.classes.index(name) for name in found["called"]])
    for target in np.unique(called).tolist():
        maps[called == target] = explain(model, batch, method, target).maps[called == target]
    return maps


def _as_images(maps: NDArray[np.float32] | None, batch: Batch) -> torch.Tensor:
    if maps is None:
        return torch.zeros_like(batch["image"][:, :, :1])
    return torch.from_numpy(maps)[:, :, None]


def _views(frames: Sequence[Frame], maps: Sequence[Frame]) -> list[View]:
    """Return the views that a sample has, in hanging order, with their maps."""
    return [
        View(frame.name, frame.image.mean(axis=0), under.image[0], frame.outlines)
        for frame, under in zip(frames, maps, strict=True)
        if frame.image is not None and under.image is not None
    ]
