"""The training cases that a model takes to be most like the samples of a split."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bcdl.evaluation.hanging import hang
from bcdl.evaluation.sheet import Frame, contact_sheet
from bcdl.explain import Neighbours, embed, neighbours
from bcdl.explanations.examined import Examined


@dataclass(frozen=True)
class Likenesses:
    """The nearest training cases of some samples.

    Attributes:
        query: The examined, and the positions of the samples in it.
        training: The same model on the training samples; `nearest.index` are positions in it.
        nearest: The training cases of each sample, the nearest first.
    """

    query: tuple[Examined, list[int]]
    training: Examined
    nearest: Neighbours

    def table(self) -> pd.DataFrame:
        """Return a row a sample and neighbour."""
        examined, positions = self.query
        return pd.DataFrame(
            [
                {
                    "sample_id": examined.samples["sample_id"].iloc[position],
                    "label": examined.class_name(position),
                    "rank": rank + 1,
                    "neighbour": self.training.samples["sample_id"].iloc[index],
                    "neighbour_label": self.training.class_name(index),
                    "distance": distance,
                }
                for position, indices, distances in zip(
                    positions, self.nearest.index.tolist(), self.nearest.distance.tolist(), strict=True
                )
                for rank, (index, distance) in enumerate(zip(indices, distances, strict=True))
            ]
        )

    def sheet(self) -> Figure:
        """Draw each sample in a row with its nearest training cases."""
        examined, positions = self.query
        cells: list[list[Frame]] = []
        captions: list[str] = []
        wanted = sorted(set(self.nearest.index.ravel().tolist()))
        known = dict(zip(wanted, _frames(self.training, wanted), strict=True))
        rows = zip(
            positions, _frames(examined, positions), self.nearest.index, self.nearest.distance, strict=True
        )
        for position, frames, indices, distances in rows:
            cells += [frames, *(known[index] for index in indices.tolist())]
            captions.append(examined.caption(position))
            captions += [
                f"{self.training.class_name(index)}\nat {distance:.3f}"
                for index, distance in zip(indices.tolist(), distances.tolist(), strict=True)
            ]
        return contact_sheet(cells, captions, columns=1 + self.nearest.index.shape[1])


def likenesses(examined: Examined, positions: list[int], count: int) -> Likenesses:
    """Find the nearest training cases of some samples, never those of a sample's own patient.

    Raises:
        UserError: There are fewer training cases of other patients.
    """
    training = Examined(examined.model, examined.data, "train", examined.target, examined.device)
    every = list(range(len(training.samples)))
    (query, patients), (cases, their_patients) = _embedded(examined, positions), _embedded(training, every)
    nearest = neighbours(query, cases, patients, their_patients, count)
    return Likenesses((examined, positions), training, nearest)


def _embedded(examined: Examined, positions: list[int]) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    """Return the embeddings (N, D) of some samples, and their patients (N,)."""
    found = [embed(examined.model, batch) for _, batch in examined.batches(positions)]
    return np.concatenate(found), examined.samples["patient_id"].iloc[positions].to_numpy(str)


def _frames(examined: Examined, positions: list[int]) -> list[list[Frame]]:
    return [frames for _, batch in examined.batches(positions) for frames in hang(batch)]
