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
    strata = _patient_labels(images, codes, len(patients))
    order = np.random.default_rng([seed, _FOLD_STREAM]).permutation(len(patients))
    dealt = order[np.argsort(strata[order], kind="stable")]
    folds = np.empty(len(patients), np.int64)
    folds[dealt] = np.arange(len(patients)) % k
    return folds[codes]


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
            f"{len(order)} patients; add patients, or name the splits in the data set's split column"
        )
    return drawn


def _first(patients: Patients, fraction: float, others: int) -> Patients:
    """Take about a share of the patients, at least one, but leave one for each of the `others` splits."""
    wanted = max(1, round(len(patients) * fraction))
    return patients[: max(0, min(wanted, len(patients) - others))]
