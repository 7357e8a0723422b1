"""Images in, probabilities and decisions out: what MLflow calls."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from bcdl.data.batch import Batch, collate
from bcdl.data.dataset import ExamDataset
from bcdl.data.samples import warn_of_joined_sides
from bcdl.data.store import ImageStore
from bcdl.features import feature_table
from bcdl.imaging import Pixels
from bcdl.models import Classifier
from bcdl.serving.answer import answer, refusals
from bcdl.serving.facts import Facts
from bcdl.serving.preparing import MemoryStore, prepare_images
from bcdl.serving.request import Request
from bcdl.transforms.preprocess import Preprocess


class Scorer:
    """Predicts on bytes of images with a trained model.

    Args:
        model: the model with its weights.
        preprocess: normalisation with the statistics of the training.
        facts: of the data that the model was trained on.
    """

    def __init__(self, model: Classifier, preprocess: Preprocess, facts: Facts) -> None:
        self.facts = facts
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model, self._preprocess = model.eval().to(self.device), preprocess

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return a row a sample, in the order in which samples first appear.

        Args:
            model_input: a row an image: `image` (bytes or base64 text) and any of
                `bcdl.serving.request.COLUMNS`.
            params: none are known.

        Returns:
            `sample`, the calibrated `probability` (of two classes the positive one's, else a column a
            class), `decision` (the class at the run's threshold, or the most probable one), `images` (how
            many were used) and `error` (why there is no probability, or what was left out).

        Raises:
            UserError: there is no row, or a column is missing or unknown.
        """
        request = Request.of(model_input, self.facts.unit)
        sent = prepare_images(model_input["image"], request.images, request.errors, self.facts)
        images = request.completed([each.laterality for each in sent], [each.view for each in sent])
        asked = request.grouped(images, self.facts, whole=True)
        errors = refusals(asked, sent)
        usable = images.iloc[[row for row, each in enumerate(sent) if each.pixels is not None]]
        usable = usable.reset_index(drop=True)
        used = request.grouped(usable, self.facts)
        if self.facts.on_bad_image == "error":  # in training none of a sample's images was missing
            used = used[~used["sample_id"].isin(list(errors))].reset_index(drop=True)
        pixels = [each.pixels for each in sent if each.pixels is not None]
        probabilities = self.facts.calibrator(self._logits(pixels, usable, used).astype(np.float64))
        return answer(asked["sample_id"], used, probabilities, errors, self.facts)

    def batches(
        self, pixels: Sequence[Pixels], images: pd.DataFrame, samples: pd.DataFrame
    ) -> Iterator[Batch]:
        """Yield the batches of samples in order, normalised, on the model's device.

        Args:
            pixels: (H, W, C) each, as a store would hold them.
            images: their rows of the exam table.
            samples: at least one, whose `rows` are positions in both.
        """
        warn_of_joined_sides(samples, self.facts.unit)
        dataset = self._dataset(pixels, images, samples)
        order, size = range(len(dataset)), self.facts.batch_size
        for start in order[::size]:
            yield self._on_device(dataset, order[start : start + size])

    @torch.inference_mode()
    def _logits(
        self, pixels: Sequence[Pixels], images: pd.DataFrame, samples: pd.DataFrame
    ) -> NDArray[np.float32]:
        """Return logits (N,) or (N, K) of samples."""
        if samples.empty:
            classes = self.facts.num_classes
            return np.zeros((0,) if classes == 2 else (0, classes), np.float32)
        batches = self.batches(pixels, images, samples)
        return (
            torch.cat([self.model.predict_step(batch)["logits"].float() for batch in batches]).cpu().numpy()
        )

    def _dataset(self, pixels: Sequence[Pixels], images: pd.DataFrame, samples: pd.DataFrame) -> ExamDataset:
        store = MemoryStore(self.facts, pixels)
        tabular = self.model.encoder.reads == "tabular"
        return ExamDataset(
            cast(ImageStore, store),
            images,
            samples,
            max_views=int(samples["rows"].map(len).max()),
            preprocess=self._preprocess,
            tabular=feature_table(store[row] for row in range(len(store))) if tabular else None,
        )

    def _on_device(self, dataset: ExamDataset, rows: range) -> Batch:
        batch = collate(dataset.__getitems__([(row, 0, 0) for row in rows]))
        moved = cast(Batch, {name: tensor.to(self.device) for name, tensor in batch.items()})  # type: ignore[attr-defined]  # all are tensors
        image = self._preprocess.device(moved["image"].float())
        moved["image"] = image.masked_fill_(~moved["view_mask"][:, :, None, None, None], 0)
        return moved
