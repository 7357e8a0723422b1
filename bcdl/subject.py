"""What predictions are about: the run's own data, or what is left of them in the run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import pandas as pd
from omegaconf import DictConfig

from bcdl.data import ExamDataModule
from bcdl.data.attributes import sample_attributes
from bcdl.evaluation.levels import probability_columns
from bcdl.models import Classifier
from bcdl.trained import Training

_TWO = ("negative", "positive")
_OF_SPLITS = ("split", "samples", "patients")  # columns beside those of classes


@dataclass(frozen=True)
class Subject:
    """What predictions are about.

    Attributes:
        name: of the data set.
        unit: what a sample is.
        classes: class names by label.
        data_sets: names of the data sets of which it is made, where there are several.
        data: prepared data; None where they are gone.
        model: what made the predictions; None where it is gone.
        notes: what a reader of the results must know.
    """

    name: str
    unit: str
    classes: tuple[str, ...]
    data_sets: tuple[str, ...] = ()
    data: ExamDataModule | None = None
    model: Classifier | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: ExamDataModule, model: Classifier) -> Self:
        """Return the subject of predictions that a model has just made of prepared data."""
        source = data.source
        return cls(source.name, data.unit, data.classes, source.data_sets, data, model)

    @classmethod
    def remembered(cls, cfg: DictConfig, training: Training, predictions: pd.DataFrame, note: str) -> Self:
        """Return the subject of the predictions that a run has recorded, its data or its model being gone.

        Args:
            cfg: the run's configuration.
            training: what it says of its training.
            predictions: its predictions table.
            note: what a reader must know.
        """
        stores = cfg.data.get("stores")
        sets = tuple(map(str, stores)) if isinstance(stores, Mapping | DictConfig) else ()
        classes = _classes(training.splits, predictions)
        return cls(training.data_set, cfg.data.unit, classes, sets, notes=(note,))

    def attributes(self) -> pd.DataFrame:
        """Return the attributes of the samples, with `sample_id`; none where the data are gone."""
        if self.data is None:
            return pd.DataFrame({"sample_id": pd.Series(dtype="object")})
        return sample_attributes(self.data.table, self.data.samples)


def _classes(splits: pd.DataFrame | None, predictions: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the classes by label; those of `splits` only where its counts prove their order."""
    count = max(2, len(probability_columns(predictions)))
    plain = _TWO if count == 2 else tuple(f"class {label}" for label in range(count))
    if splits is None:
        return plain
    names = [str(name) for name in splits if name not in _OF_SPLITS]
    told = splits.set_index("split")[names]
    found = pd.crosstab(predictions["split"], predictions["label"])
    found = found.reindex(columns=range(count), fill_value=0)
    told = told.reindex(found.index)
    distinct = told.T.drop_duplicates().shape[0] == len(names)
    same = told.shape == found.shape and bool((told.to_numpy() == found.to_numpy()).all())
    return tuple(names) if same and distinct else plain
