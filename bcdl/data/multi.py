"""Several prepared data sets as one: pooled for training with a weight each, told apart by their names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.preparing import Prepared
from bcdl.data.readers.reader import Reader
from bcdl.data.refusals import Refusals
from bcdl.data.samples import UNITS
from bcdl.data.source import Splitting, split
from bcdl.data.store import ABOUT, ImageStore, read_about, stored_records
from bcdl.data.table import ExamTable, complete_findings, complete_images, rows_of
from bcdl.errors import NoDataError, UserError

POOLED = ("negative", "positive")
_IDS = ("patient_id", "exam_id", "image_id")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_TAKEN = (*UNITS, "youden")  # metrics are named test/breast/auroc as well as test/<data set>/auroc
_PREPARE = "make it with bcdl prepare"


@dataclass(frozen=True)
class MultiSource:
    """Stores of `bcdl prepare`, pooled; ids are preceded by the name of their data set, as in `cbis/P_00001`.

    Images that the quality gate refuses are left out.

    Args:
        stores: Folder of each data set's store, by the name that it gets here: the store itself, or a
            `data.store` that holds no other.
        weights: How often each data set is drawn in training, relative to the others; 0 keeps it out of
            training and validation, to be tested on alone, and out of a cross-validation altogether. A name
            that is missing counts as 1.
        splitting: How each data set's patients come into splits; folds are dealt in each apart.

    Raises:
        UserError: There are no stores, a name cannot be used, or a weight is negative or of an unknown data
            set.
    """

    stores: Mapping[str, Path]
    weights: Mapping[str, float] = field(default_factory=dict)
    splitting: Splitting = field(default_factory=Splitting)
    name: str = field(default="multi", init=False)

    def __post_init__(self) -> None:
        _check_stores(self.stores)
        object.__setattr__(self, "stores", {name: Path(folder) for name, folder in self.stores.items()})
        _check_weights(self.weights, self.stores)

    @property
    def masks(self) -> Reader | None:
        """None: the sources of the images need not be there."""
        return None

    @property
    def data_sets(self) -> tuple[str, ...]:
        """The names of the data sets."""
        return tuple(self.stores)

    @property
    def fold(self) -> int | None:
        """The fold of every data set that is tested on."""
        return self.splitting.fold

    def names_of_patient(self, patient: str) -> tuple[str, ...]:
        """Return the patient as named, and with the name of each data set."""
        return (patient, *(f"{name}/{patient}" for name in self.stores))

    def sample_weights(self, patients: pd.Series) -> NDArray[np.float64]:
        """Return how likely each sample is drawn, (N,): a data set's weight shared by its samples.

        Args:
            patients: Their `patient_id`.
        """
        names = patients.str.partition("/")[0]
        return (names.map(self._weight) / names.map(names.value_counts())).to_numpy(np.float64)

    def open(self) -> Prepared:
        """Return the pooled, split table and its stored images.

        Raises:
            UserError: A store is missing or incomplete, its images were prepared in another way than the
                first's, images of one are trained on and tested in another, or a data set to be tested on
                alone has no test images.
        """
        folders = {name: _only_store(self.stores[name]) for name in self._taking_part()}
        _require_one_imaging(folders)
        prepared = reduce(_pooled, [self._open(name, folder) for name, folder in folders.items()])
        _require_independent_test(prepared)
        return prepared

    def _taking_part(self) -> list[str]:
        """Return the data sets of this run: what is tested on alone is no part of a cross-validation."""
        return [name for name in self.stores if self.fold is None or self._weight(name)]

    def _weight(self, name: str) -> float:
        return float(self.weights.get(name, 1.0))

    def _open(self, name: str, folder: Path) -> Prepared:
        prepared = split(_read(name, folder), self.splitting, name)
        if self._weight(name):
            return prepared
        tested = (prepared.table.images["split"] == "test").to_numpy()
        if not tested.any():
            raise UserError(
                f"expected test images of {name}, which is tested on alone (weight 0), found none; set "
                "data.test_fraction above 0, or give its images a split"
            )
        return prepared.rows(tested)


def _check_stores(stores: object) -> None:
    if not isinstance(stores, Mapping) or not stores or not all(stores.values()):
        raise UserError(f"expected data.stores={{name:folder,...}} with prepared stores, found {stores}")
    for name in map(str, stores):
        if not _NAME.fullmatch(name) or name in _TAKEN:
            raise UserError(
                "expected names of data.stores of letters, digits, - and _, and none of "
                f"{', '.join(_TAKEN)}, found '{name}'"
            )


def _check_weights(weights: Mapping[str, object], names: Mapping[str, Path]) -> None:
    for name, weight in weights.items():
        if name not in names or not isinstance(weight, int | float) or not 0 <= weight < np.inf:
            raise UserError(f"expected data.weights from 0 for {', '.join(names)}, found {name}: {weight}")
    if all(weights.get(name, 1) == 0 for name in names):
        raise UserError("expected a data set with a weight above 0 to train on, found none in data.weights")


def _only_store(folder: Path) -> Path:
    if (folder / ABOUT).is_file():
        return folder
    found = sorted(path.parent for path in folder.glob(f"*/{ABOUT}"))
    if len(found) != 1:
        listed = ", ".join(path.name for path in found) or "none"
        advice = "name one of them" if found else _PREPARE
        raise NoDataError(f"{folder}: expected a prepared store, or one in it, found {listed}; {advice}")
    return found[0]


def _require_one_imaging(folders: Mapping[str, Path]) -> None:
    settings = {name: read_about(folder)["imaging"] for name, folder in folders.items()}
    first, *others = settings
    for name in others:
        for key, value in settings[first].items():
            if settings[name][key] != value:
                raise UserError(
                    f"expected stores prepared alike, found imaging.{key}={value} of {first} and "
                    f"{settings[name][key]} of {name}; prepare them with the same imaging"
                )


def _require_independent_test(prepared: Prepared) -> None:
    """Refuse images that are trained on and tested in another data set: their patients are the same."""
    images = prepared.table.images.assign(checksum=prepared.store.checksums)
    tested = images["split"] == "test"
    trained = images[~tested].groupby("checksum")["meta_data_set"].first()
    elsewhere = images["checksum"].map(trained)
    across = images[tested & elsewhere.notna() & (elsewhere != images["meta_data_set"])]
    if len(across):
        names = ", ".join(sorted({*across["meta_data_set"], *elsewhere[across.index]}))
        raise UserError(
            f"expected test images that no other data set trains on, found {len(across)} that are shared by "
            f"{names}; leave one of them out"
        )


def _read(name: str, folder: Path) -> Prepared:
    """Return a store's own table and images, without those that are refused."""
    images, findings = (_table(folder, f"{each}.parquet") for each in ("images", "findings"))
    stored = stored_records(folder)
    keys = images.pop("key")
    if not keys.isin(stored.index).all():
        raise UserError(
            f"{folder}: expected a record of each of {len(keys)} images, found "
            f"{keys.isin(stored.index).sum()}; complete it with bcdl prepare"
        )
    records = stored.loc[keys].reset_index(drop=True)
    records["segment"] = [str((folder / segment).resolve()) for segment in records["segment"]]
    table = _named(name, images, findings, read_about(folder))
    refusals = Refusals.of(table.images, records, named=False)
    kept = refusals.kept("skip", folder)
    refusals.warn_of(kept)
    store = ImageStore(folder, records[kept].reset_index(drop=True))
    return Prepared(rows_of(table, kept), store, refusals, 0)


def _table(folder: Path, name: str) -> pd.DataFrame:
    try:
        return pd.read_parquet(folder / name)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder}: expected {name} in the store, found none that can be read; {_PREPARE}"
        ) from error


def _named(name: str, images: pd.DataFrame, findings: pd.DataFrame, about: dict[str, Any]) -> ExamTable:
    """Put the data set's name before ids; two classes become negative and positive."""
    if len(about["classes"]) != 2:
        raise UserError(f"{name}: expected two classes to pool, found {', '.join(about['classes'])}")
    for column in _IDS:
        images[column] = f"{name}/" + images[column]
    findings["image_id"] = f"{name}/" + findings["image_id"]
    images["meta_data_set"] = name
    return ExamTable(complete_images(images), complete_findings(findings), POOLED, POOLED[1])


def _pooled(first: Prepared, second: Prepared) -> Prepared:
    sizes = [(part.store.height, part.store.width, part.store.channels) for part in (first, second)]
    if sizes[0] != sizes[1]:
        raise UserError(
            f"expected stores of one size, found {sizes[0]} in {first.store.folder} and {sizes[1]} in "
            f"{second.store.folder}; prepare them with the same imaging.size and imaging.channels"
        )
    tables = (first.table, second.table)
    images = pd.concat([table.images for table in tables], ignore_index=True)
    findings = pd.concat([table.findings for table in tables], ignore_index=True)
    return Prepared(
        replace(first.table, images=images, findings=findings),
        first.store.joined(second.store),
        first.refusals.joined(second.refusals),
        0,
    )
