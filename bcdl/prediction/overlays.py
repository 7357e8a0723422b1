"""What a model looked at in each new sample: a picture of its views, and of the same under their maps."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.batch import Batch
from bcdl.evaluation.hanging import hung_slots
from bcdl.explain import View, explain, explanation_sheet
from bcdl.imaging import Pixels
from bcdl.models import Classifier
from bcdl.prediction.results import Results
from bcdl.prediction.rules import Rules

Picture = NDArray[np.float32]


class Overlays:
    """Draws the overlays of batches into the folder of the results.

    Args:
        model: the model.
        method: name of the method of `bcdl.explain`.
        rules: what makes probabilities of logits, for the titles.
        classes: class names by label; of two the positive one is explained, of more the most probable one.
        results: where they go.
    """

    def __init__(
        self, model: Classifier, method: str, rules: Rules, classes: tuple[str, ...], results: Results
    ) -> None:
        self._model, self._method = model, method
        self._rules, self._classes, self._results = rules, classes, results
        self._taken: set[str] = set()

    def __call__(
        self, batch: Batch, samples: pd.DataFrame, pixels: Sequence[Pixels], logits: NDArray[np.float32]
    ) -> list[str]:
        """Draw a batch; return the files, relative to the folder of the results."""
        shares = self._rules.calibrator(logits.astype(np.float64))
        targets = np.ones(len(shares), np.int64) if shares.ndim == 1 else shares.argmax(axis=1)
        maps = np.zeros((len(samples), *batch["view_mask"].shape[1:], *batch["image"].shape[-2:]), np.float32)
        for target in np.unique(targets).tolist():
            found = explain(self._model, batch, self._method, target).maps
            maps[targets == target] = found[targets == target]
        chances = shares if shares.ndim == 1 else shares.max(axis=1)
        hung, files = hung_slots(batch), []
        for number, (name, rows) in enumerate(zip(samples["sample_id"], samples["rows"], strict=True)):
            views = [
                View(title, _grey(pixels[rows[slot]]), maps[number, slot])
                for title, slot in hung[number]
                if slot is not None
            ]
            said = f"{self._classes[targets[number]]} {chances[number]:.3f}"
            files.append(self._draw(str(name), said, views))
        return files

    def _draw(self, sample_id: str, said: str, views: list[View]) -> str:
        file = self._results.overlay(sample_id, self._taken)
        explanation_sheet([views], [f"{said}\n{sample_id}"]).savefig(file)
        return file.relative_to(self._results.folder).as_posix()


def _grey(pixels: Pixels) -> Picture:
    return np.asarray(pixels.mean(axis=2), np.float32)
