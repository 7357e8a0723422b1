"""Several members' predictions of the same samples as one table: mean probabilities, and how they disagree.

A member is a run, or one variant of the images (test-time augmentation).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.errors import UserError
from bcdl.evaluation.predictions import DISAGREEMENT, MUTUAL_INFORMATION, logits
from bcdl.metrics import to_probabilities
from bcdl.stats.disagreement import averaged, judging, mutual_information, spread

FITTED, JUDGED = "val", "test"
OUT_OF_FOLD = (
    "Each validation sample is one of {}: thresholds and calibration are fitted on the pooled validation "
    "samples of all members, each by the member that did not train on it. Those are answers of single "
    "members, which are spread wider than the ensemble's: at its own thresholds its error may be another."
)
PARTLY = (
    "Not every validation sample is one of every member: thresholds and calibration are fitted on the mean "
    "of those members that did not train on it, {} of {} on average."
)
_SAMPLE = ["sample_id", "patient_id", "exam_id", "laterality", "split", "fold", "label"]


@dataclass(frozen=True)
class Ensemble:
    """Several members as one.

    Attributes:
        table: a predictions table, uncalibrated, with `disagreement` (the standard deviation of the members'
            probabilities) and `mutual_information` (in nats) of each sample; null where one member alone
            judged it.
        notes: what a reader of its results must know.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


def ensembled(members: Mapping[str, pd.DataFrame]) -> Ensemble:
    """Average the probabilities of several members.

    Args:
        members: predictions tables by the members' names. Their `logit` columns count: what a member's own
            calibrator made of them does not, for what is averaged is calibrated after that.

    Raises:
        UserError: there are fewer than two, or they differ in test samples, labels or classes.
    """
    require_several(len(members))
    _require_one_kind(members)
    _require_same_tests(members)
    parts = [_joined(members, split) for split in (FITTED, JUDGED)]
    table = pd.concat([part for part, _ in parts if len(part)], ignore_index=True)
    return Ensemble(table, _notes(parts[0][1], len(members)))


def require_several(members: int) -> None:
    """Raise `UserError` unless there are two members or more."""
    if members < 2:
        raise UserError(
            f"expected two or more members of an ensemble, found {members}: name more runs in evaluate.runs, "
            "such as [3f2a,91bc], or a sweep of several"
        )


def _joined(members: Mapping[str, pd.DataFrame], split: str) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return one split's samples with the members' mean, and how many members judged each."""
    tables = [table[table["split"] == split] for table in members.values()]
    rows = pd.concat([table[_SAMPLE] for table in tables], ignore_index=True)
    samples = rows.drop_duplicates("sample_id", ignore_index=True)
    _require_one_label(rows, split)
    if rows["fold"].nunique(dropna=False) > 1:
        samples["fold"] = pd.NA
    scores = np.stack([_aligned(table, samples["sample_id"]) for table in tables])
    mean = averaged(scores)
    found = {DISAGREEMENT: spread(scores), MUTUAL_INFORMATION: mutual_information(scores)}
    columns = {**_columns("logit", mean), **_columns("probability", to_probabilities(mean)), **found}
    return samples.assign(**columns), judging(scores)


def _aligned(table: pd.DataFrame, ids: pd.Series) -> NDArray[np.float64]:
    """Return a member's logits in the order of some samples, NaN where it has none."""
    places = pd.Index(table["sample_id"]).get_indexer(pd.Index(ids))
    scores = logits(table)
    if not len(scores):
        return np.full((len(ids), *scores.shape[1:]), np.nan)
    known = places >= 0
    return np.where(known if scores.ndim == 1 else known[:, None], scores[places], np.nan)


def _columns(name: str, values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    if values.ndim == 1:
        return {name: values}
    return {f"{name}_{label}": column for label, column in enumerate(values.T)}


def _notes(judged_by: NDArray[np.int64], members: int) -> tuple[str, ...]:
    if not len(judged_by) or (judged_by == members).all():
        return ()
    if (judged_by == 1).all():
        return (OUT_OF_FOLD.format("one member alone"),)
    return (PARTLY.format(f"{judged_by.mean():.1f}", members),)


def _require_one_kind(members: Mapping[str, pd.DataFrame]) -> None:
    """Refuse members without logits, or of other numbers of classes."""
    kinds = {}
    for name, table in members.items():
        kinds[name] = sum(str(column).split("_")[0] == "logit" for column in table)
        if not kinds[name]:
            raise UserError(f"expected logits among the predictions of {name}, found none")
    if len(set(kinds.values())) > 1:
        found = ", ".join(f"{name} {2 if count == 1 else count}" for name, count in kinds.items())
        raise UserError(f"expected members of the same classes, found numbers of classes: {found}")


def _require_same_tests(members: Mapping[str, pd.DataFrame]) -> None:
    first, *others = members
    ids = {name: set(table.loc[table["split"] == JUDGED, "sample_id"]) for name, table in members.items()}
    for name in others:
        shared = ids[first] & ids[name]
        if ids[first] != ids[name]:
            raise UserError(
                f"an ensemble needs the same test samples of every member, found {len(shared):,} of both "
                f"{first} and {name}, {len(ids[first] - shared):,} of the first alone and "
                f"{len(ids[name] - shared):,} of the second alone. {_remedy(members, len(shared))}"
            )


def _remedy(members: Mapping[str, pd.DataFrame], shared: int) -> str:
    folded = all(table["fold"].notna().any() for table in members.values())
    if folded and not shared:
        return (
            "The folds of a cross-validation test other samples each, so that there is nothing to average: "
            "judge each of them on other data (bcdl evaluate run=… data=…) and name those runs"
        )
    return "Name runs of the same data and data.split_seed, or judge them on the same data first"


def _require_one_label(rows: pd.DataFrame, split: str) -> None:
    several = rows.groupby("sample_id")["label"].nunique(dropna=False) > 1
    if several.any():
        raise UserError(
            f"an ensemble needs the same labels of every member, found other ones of {int(several.sum())} "
            f"{split} samples, such as {several.idxmax()}"
        )
