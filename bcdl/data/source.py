"""A data set from its reader to split tables and stored images, for training, audit and preparation alike."""

import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.audit import SIDES, AuditSettings, drop_duplicates, duplicate_groups
from bcdl.data.preparing import Preparation, Prepared, prepare_images
from bcdl.data.privacy import private_messages, write_links
from bcdl.data.readers.reader import Reader
from bcdl.data.samples import check_choice
from bcdl.data.splits import (
    ON_PATIENT_OVERLAP,
    check_folds,
    check_fractions,
    make_fold,
    make_splits,
    resolve_overlap,
)
from bcdl.data.table import ExamTable, positive_last, validate_table
from bcdl.errors import UserError

_LOG = logging.getLogger(__name__)


class Source(Protocol):
    """Where a datamodule takes its exams from."""

    @property
    def name(self) -> str:
        """Short and without spaces; names the runs."""

    @property
    def masks(self) -> Reader | None:
        """The reader that gives the masks of findings, where there is one."""

    @property
    def data_sets(self) -> tuple[str, ...]:
        """The names of the data sets of which this is made, where there are several."""

    @property
    def fold(self) -> int | None:
        """The fold of a cross-validation that is tested on, `None` outside of one."""

    def names_of_patient(self, patient: str) -> tuple[str, ...]:
        """Return the names under which the tables may hold a patient: the one given, and its pseudonym."""

    def sample_weights(self, patients: pd.Series) -> NDArray[np.float64] | None:
        """Return how likely each sample is drawn in training, (N,), by its patient; None: all alike."""

    def open(self) -> Prepared:
        """Return the split exam table and its stored images, preparing them first where needed."""


@dataclass(frozen=True)
class Splitting:
    """How patients come into splits.

    Args:
        val_fraction: Share of patients for a val split, where the data set has none.
        test_fraction: Share of patients for a test split, where the data set has no splits at all.
        seed: Of the draw.
        on_patient_overlap: `error`, or `drop_from_train` for patients in several of the set's own splits.
        folds: Number of folds of a cross-validation; `None` is none. Its test split is a fold, val a share of
            the other folds' patients, and the data set's own test images are left out (`make_fold`).
        fold: The fold to test on, 0..folds-1.

    Raises:
        UserError: An argument is not among its choices or out of range.
    """

    val_fraction: float = 0.15
    test_fraction: float = 0.2
    seed: int = 0
    on_patient_overlap: str = "error"
    folds: int | None = None
    fold: int | None = None

    def __post_init__(self) -> None:
        check_choice("data.on_patient_overlap", self.on_patient_overlap, ON_PATIENT_OVERLAP)
        check_fractions(self.val_fraction, self.test_fraction)
        check_folds(self.folds, self.fold)

    def apply(self, images: pd.DataFrame, name: str) -> pd.DataFrame:
        """Return images of patients in one split each with their final splits; NA takes no part in the run.

        Args:
            images: Images of the exam table.
            name: The data set, for messages.

        Raises:
            UserError: There are too few patients for a split.
        """
        if self.folds is None or self.fold is None:
            return make_splits(
                images, val_fraction=self.val_fraction, test_fraction=self.test_fraction, seed=self.seed
            )
        return make_fold(
            images,
            folds=self.folds,
            fold=self.fold,
            val_fraction=self.val_fraction,
            seed=self.seed,
            source=name,
        )


@dataclass(frozen=True)
class ExamSource:
    """One data set; of two classes, label 1 is the positive one.

    Args:
        reader: Reads it.
        preparation: How its images are prepared, and its patients named.
        splitting: How its patients come into splits.
        drop_duplicates: `train` or `test` loses images that are found on both sides too; `none` keeps all.
        near_duplicate: Correlation of two images' details from which one is a copy of the other.
    """

    reader: Reader
    preparation: Preparation
    splitting: Splitting = field(default_factory=Splitting)
    drop_duplicates: str = "none"
    near_duplicate: float = AuditSettings.near_duplicate

    def __post_init__(self) -> None:
        check_choice("data.drop_duplicates", self.drop_duplicates, SIDES)

    @property
    def name(self) -> str:
        """The reader's name."""
        return self.reader.name

    @property
    def masks(self) -> Reader | None:
        """The reader itself."""
        return self.reader

    @property
    def data_sets(self) -> tuple[str, ...]:
        """None: it is one data set."""
        return ()

    @property
    def fold(self) -> int | None:
        """The fold that is tested on."""
        return self.splitting.fold

    def sample_weights(self, patients: pd.Series) -> NDArray[np.float64] | None:
        """Return None: all samples are drawn alike."""
        return None

    def names_of_patient(self, patient: str) -> tuple[str, ...]:
        """Return the patient's name and, of private data, its pseudonym."""
        pseudonyms = self.preparation.pseudonyms
        return (patient,) if pseudonyms is None else (patient, pseudonyms.name("patient", patient))

    def read(self) -> ExamTable:
        """Return the validated table with its own splits, of private data under pseudonyms.

        Raises:
            UserError: The data set is wrong.
        """
        table, pseudonyms = self._raw, self.preparation.pseudonyms
        return table if pseudonyms is None else pseudonyms.apply(table)

    def unlisted(self) -> list[str]:
        """Return the image files that no annotation names.

        Raises:
            UserError: The annotations are wrong.
        """
        with private_messages(self.preparation.pseudonyms, self.name):
            return self.reader.unlisted(self._raw)

    def write_links(self, store: str) -> Path | None:
        """Write which pseudonym is whose, beside the key; return the file, None for other data.

        Args:
            store: Name of the image store.

        Raises:
            UserError: The data set is wrong.
        """
        pseudonyms = self.preparation.pseudonyms
        return None if pseudonyms is None else write_links(self._raw.images, pseudonyms, store)

    @cached_property
    def _raw(self) -> ExamTable:
        """The table under its own names, read once."""
        with private_messages(self.preparation.pseudonyms, self.name):
            return positive_last(validate_table(self.reader.read(), self.reader.name))

    def prepare(self, how: Preparation) -> Prepared:
        """Return the table with its own splits and its stored images, prepared in another way.

        Raises:
            UserError: The data set is wrong, or images are refused.
        """
        return prepare_images(self.reader, self.read(), how)

    def open(self) -> Prepared:
        """Return the table, split, with its stored images.

        Raises:
            UserError: The data set is wrong, too small for its splits, or images are refused.
        """
        prepared = split(self.prepare(self.preparation), self.splitting, self.name)
        if self.drop_duplicates == "none":
            return prepared
        settings = AuditSettings(near_duplicate=self.near_duplicate)
        groups = duplicate_groups(prepared.store, prepared.store.checksums, settings)
        kept = drop_duplicates(prepared.table.images, groups, self.drop_duplicates)
        _LOG.warning("%s: left out %d images, found in train or val and in test", self.name, (~kept).sum())
        return prepared.rows(kept)


def with_some_splits(table: ExamTable, how: Splitting) -> ExamTable:
    """Return a table with splits to audit: its own as they are, overlaps included; without any, drawn ones.

    Where there are too few patients to draw from, it stays without. With folds it gets the splits of that
    fold, whatever its own; the patients of its own test split are in none.

    Raises:
        UserError: The folds cannot be made.
    """
    if how.folds is not None:
        return replace(table, images=how.apply(table.images, "the data set"))
    if (table.images["split"] != "NA").any():
        return table
    with suppress(UserError):
        return replace(table, images=how.apply(table.images, "the data set"))
    return table


def split(prepared: Prepared, how: Splitting, name: str) -> Prepared:
    """Resolve patients in several splits, make the splits that are missing, and leave out what is in none.

    Args:
        prepared: A table with its own splits, if any.
        how: How patients come into splits.
        name: The data set, for messages.

    Raises:
        UserError: Patients stand in several splits, or there are too few for a split.
    """
    prepared = prepared.rows(resolve_overlap(prepared.table.images, how.on_patient_overlap, name))
    images = how.apply(prepared.table.images, name)
    prepared = replace(prepared, table=replace(prepared.table, images=images))
    return prepared.rows((images["split"] != "NA").to_numpy(np.bool_))
