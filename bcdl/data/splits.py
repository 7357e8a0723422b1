"""Splits and folds of the exam table: by patient, stratified by the patient's label, seeded.

The result depends on the set of patients and the seed alone, not on the order of the rows.
"""

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.schema import SPLITS, codes
from bcdl.errors import UserError

_LOG = logging.getLogger(__name__)
Patients = NDArray[np.int64]  # positions in the sorted patient ids

ON_PATIENT_OVERLAP = ("error", "drop_from_train")
_SPLIT_STREAM = 1
_FOLD_STREAM = 2
_INNER_STREAM = 3
_FEWEST = 2  # patients of a class: one to test, one to train on


def resolve_overlap(images: pd.DataFrame, policy: str, source: str) -> NDArray[np.bool_]:
    """Return which rows stay so that no patient stands in two of a data set's own splits.

    Args:
        images: Images of the exam table; `NA` is no split.
        policy: `error`, or `drop_from_train`: such patients' rows outside their last split (train, val, test)
            go.
        source: The data set, for the message.

    Raises:
        UserError: Patients stand in two splits, and that is an error.
    """
    place = pd.Series(codes(images["split"], SPLITS), index=images.index)
    place = place.where(images["split"] != "NA")
    patients = place.groupby(images["patient_id"])
    last = patients.transform("max")
    torn = images.loc[patients.transform("min") != last, "patient_id"].dropna()
    torn = torn[patients.transform("count")[torn.index] > 0]
    if policy == "error" and len(torn):
        names = sorted(torn.unique())
        raise UserError(
            f"{source}: expected every patient in one split, found {len(names)} in two or more: "
            f"{_some(names)}; give all images of a patient the same split, or set "
            "data.on_patient_overlap=drop_from_train to keep such patients out of training"
        )
    kept = ((place == last) | place.isna()).to_numpy(np.bool_)
    if not kept.all():
        _LOG.warning(
            "%s: left out %d of %d images, of %d patients in several splits, from their earlier ones",
            source,
            (~kept).sum(),
            len(kept),
            torn.nunique(),
        )
    return kept


def make_splits(
    images: pd.DataFrame, *, val_fraction: float, test_fraction: float, seed: int
) -> pd.DataFrame:
    """Fill in the splits that a data set lacks.

    A data set's own splits stay. Without any, test and val are drawn from all patients; with some but no val,
    val is drawn from the training patients. Rows without a split follow their patient's other rows; patients
    without any count as training patients where others have a split, and so do unlabelled ones.

    Args:
        images: Images of the exam table.
        val_fraction: Share of the patients for val: of all where the data set has no splits, else of its
            training patients; 0 makes none.
        test_fraction: Share of all patients that goes to test; 0 makes none.
        seed: Seed of the draw.

    Returns:
        The images with `split` one of train, val and test in every row.

    Raises:
        UserError: A fraction is out of range, or a split that is to be made would be empty.
    """
    check_fractions(val_fraction, test_fraction)
    codes, patients = pd.factorize(images["patient_id"], sort=True)
    splits = _own_splits(images, codes, len(patients))
    strata = _patient_labels(images, codes, len(patients))
    order = np.random.default_rng([seed, _SPLIT_STREAM]).permutation(len(patients))
    if (splits == "NA").all():
        splits[_draw(order, strata, test_fraction, "test")] = "test"
        val_fraction /= 1 - test_fraction
    splits[splits == "NA"] = "train"
    training = order[splits[order] == "train"]
    if len(training) and not (splits == "val").any():
        splits[_draw(training, strata, val_fraction, "val")] = "val"
    return images.assign(split=pd.Series(splits[codes], index=images.index).astype(images["split"].dtype))


def assign_folds(images: pd.DataFrame, k: int, seed: int) -> NDArray[np.int64]:
    """Deal the patients out to `k` folds, those of one label evenly.

    Returns:
        (len(images),) the fold 0..k-1 of every row.

    Raises:
        UserError: `k` is below 2 or above the number of patients.
    """
    codes, patients = pd.factorize(images["patient_id"], sort=True)
    if not 2 <= k <= len(patients):
        raise UserError(
            f"expected from 2 folds to as many as there are patients ({len(patients)}), found {k}; "
            "change their number"
        )
    return _deal(_patient_labels(images, codes, len(patients)), k, seed)[codes]


def make_fold(
    images: pd.DataFrame, *, folds: int, fold: int, val_fraction: float, seed: int, source: str
) -> pd.DataFrame:
    """Make the splits of one round of cross-validation: one fold is tested on, the others are trained on.

    Every round deals the patients alike, so that the `folds` rounds test each of them once. Patients of the
    data set's own test split take no part: they stay for the end. Its own train and val splits are dissolved.
    Within a round, val is drawn from the training patients alone, anew for every fold, so that nothing is
    chosen on the fold that is tested on. Unlabelled patients cannot be tested on and train in every round.

    Args:
        images: Images of the exam table.
        folds: Number of folds, from 2.
        fold: The fold to test on, 0..folds-1.
        val_fraction: Share of the round's training patients for val; 0 makes none.
        seed: Seed of the deal and of the draw.
        source: The data set, for messages.

    Returns:
        The images with `split` train, val or test, and NA for the patients of the data set's own test split.

    Raises:
        UserError: There are more folds than labelled patients, a class has a single patient, or val would be
            empty. A class of fewer patients than folds is a warning: the folds that lack it have no AUROC,
            but the predictions of all folds together do.
    """
    codes, patients = pd.factorize(images["patient_id"], sort=True)
    strata = _patient_labels(images, codes, len(patients))
    reserved = np.zeros(len(patients), np.bool_)
    reserved[codes[(images["split"] == "test").to_numpy()]] = True
    dealt = np.flatnonzero(~reserved & (strata >= 0))
    _check_strata(strata[dealt], folds, source)
    splits = np.where(reserved, "NA", "train").astype(object)
    splits[dealt[_deal(strata[dealt], folds, seed) == fold]] = "test"
    training = np.flatnonzero(splits == "train")
    order = np.random.default_rng([seed, _INNER_STREAM, fold]).permutation(training)
    splits[_draw(order, strata, val_fraction, "val")] = "val"
    return images.assign(split=pd.Series(splits[codes], index=images.index).astype(images["split"].dtype))


def check_folds(folds: int | None, fold: int | None) -> None:
    """Refuse folds that cannot be numbered: one of the two without the other, or out of range (UserError)."""
    if folds is None and fold is None:
        return
    found = f"found data.folds={_typed(folds)} and data.fold={_typed(fold)}"
    if folds is None or fold is None:
        raise UserError(
            f"expected data.folds and data.fold together, {found}; data.folds=5 data.fold=0 tests on the "
            "first of five folds"
        )
    if not _is_whole(folds) or folds < 2:
        raise UserError(f"expected data.folds to be a number of folds from 2, {found}")
    if not _is_whole(fold) or not 0 <= fold < folds:
        raise UserError(f"expected data.fold from 0 to data.folds - 1 = {folds - 1}, {found}")


def check_fractions(val_fraction: float, test_fraction: float) -> None:
    """Refuse fractions below 0, or that leave nothing for training (UserError)."""
    for name, fraction in (("val_fraction", val_fraction), ("test_fraction", test_fraction)):
        if not 0 <= fraction < 1:
            raise UserError(f"expected data.{name} from 0 to below 1, found {fraction}")
    if val_fraction + test_fraction >= 1:
        raise UserError(
            f"expected data.val_fraction + data.test_fraction < 1, found {val_fraction} + {test_fraction}: "
            "nothing would be left for training"
        )


def _typed(value: object) -> str:
    return "null" if value is None else str(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_strata(strata: NDArray[np.int64], folds: int, source: str) -> None:
    """Refuse more folds than patients, and a class of one; warn of classes that not every fold can hold."""
    if folds > len(strata):
        raise UserError(
            f"{source}: expected data.folds to be at most the number of labelled patients outside the data "
            f"set's own test split, {len(strata)}, found {folds}; choose fewer folds"
        )
    for label, count in zip(*np.unique(strata, return_counts=True), strict=True):
        if count < _FEWEST:
            raise UserError(
                f"{source}: expected {_FEWEST} or more patients of every class to cross-validate, found "
                f"{count} of label {label}: nothing of it would be left to train on; add patients"
            )
        if count < folds:
            _LOG.warning(
                "%s: only %d patients of label %d for %d folds: folds without it have no AUROC of their own; "
                "choose fewer folds, or read the metrics of all folds' predictions together",
                source,
                count,
                label,
                folds,
            )


def _deal(strata: NDArray[np.int64], k: int, seed: int) -> NDArray[np.int64]:
    """Deal shuffled patients out to `k` folds, stratum after stratum; return the fold of each, (P,)."""
    order = np.random.default_rng([seed, _FOLD_STREAM]).permutation(len(strata))
    folds = np.empty(len(strata), np.int64)
    folds[order[np.argsort(strata[order], kind="stable")]] = np.arange(len(strata)) % k
    return folds


def _some(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _own_splits(images: pd.DataFrame, codes: NDArray[np.intp], count: int) -> NDArray[np.object_]:
    """Return the split that the data set gives to every patient, or NA."""
    splits = np.full(count, "NA", dtype=object)
    given = (images["split"] != "NA").to_numpy()
    splits[codes[given]] = images["split"].to_numpy(dtype=object)[given]
    return splits


def _patient_labels(images: pd.DataFrame, codes: NDArray[np.intp], count: int) -> NDArray[np.int64]:
    """Return every patient's highest label, -1 where there is none."""
    labels = np.full(count, -1, dtype=np.int64)
    np.maximum.at(labels, codes, images["label"].fillna(-1).to_numpy(dtype=np.int64))
    return labels


def _draw(order: Patients, strata: NDArray[np.int64], fraction: float, split: str) -> Patients:
    """Take the first `fraction` of every stratum of the shuffled patients; unlabelled ones stay."""
    if fraction == 0:
        return order[:0]
    others = 2 if split == "test" else 1
    labelled = np.unique(strata[order][strata[order] >= 0])
    taken = [_first(order[strata[order] == stratum], fraction, others) for stratum in labelled]
    drawn = np.concatenate([order[:0], *taken])
    if not len(drawn):
        raise UserError(
            f"expected enough labelled patients for a {split} split of {fraction:.0%}, found "
            f"{len(order)} patients; add patients, or, without data.folds, name the splits in the data set's "
            "split column"
        )
    return drawn


def _first(patients: Patients, fraction: float, others: int) -> Patients:
    """Take about a share of the patients, at least one, but leave one for each of the `others` splits."""
    wanted = max(1, round(len(patients) * fraction))
    return patients[: max(0, min(wanted, len(patients) - others))]
