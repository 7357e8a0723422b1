"""Copies of one picture: in two splits, with different labels, or within a split."""

import numpy as np
import pandas as pd

from bcdl.data.audit.duplicates import Duplicates
from bcdl.data.audit.finding import Finding, Severity
from bcdl.data.audit.words import plural

_ACROSS = (
    "Set data.drop_duplicates=train (or test): otherwise the model is tested on pictures that it was "
    "trained on. Of copies in train and val, leave one out, or validation is too good."
)
_CONFLICT = (
    "Look at the pairs and correct the label or leave the images out: at most one of the labels can be right."
)
_WITHIN = (
    "They weigh more than once in training and make test intervals too narrow; leave all but one out, or "
    "say how many there are."
)


def copies(images: pd.DataFrame, duplicates: Duplicates) -> list[Finding]:
    """Report the groups of copies; one that both crosses splits and conflicts is in both findings.

    Args:
        images: Images of the exam table.
        duplicates: Their copies.

    Returns:
        `duplicates_across_splits` and `duplicates_with_conflicting_labels` (severe) and
        `duplicates_within_split` (warning). Their rows hold one image each, by group; the first two rows of a
        group are the pair that tells most. `row` is the image's position in the table, `like` and
        `similarity` say which image it was linked to and how well they correlate.
    """
    members = _members(images, duplicates)
    if members.empty:
        return []
    known = members["split"].where(members["split"] != "NA")
    across = known.groupby(members["group"]).transform("nunique") > 1
    conflict = members["label"].groupby(members["group"]).transform("nunique") > 1
    found = [
        _finding("duplicates_across_splits", "severe", members[across], "split", _ACROSS),
        _finding("duplicates_with_conflicting_labels", "severe", members[conflict], "label", _CONFLICT),
        _finding("duplicates_within_split", "warning", members[~across], "patient_id", _WITHIN),
    ]
    return [finding for finding in found if finding is not None]


def _members(images: pd.DataFrame, duplicates: Duplicates) -> pd.DataFrame:
    """Return one row an image that has a copy."""
    rows = np.flatnonzero(duplicates.groups >= 0)
    links = duplicates.links
    turned = links.rename(columns={"first": "second", "second": "first"})
    best = pd.concat([links, turned]).sort_values("similarity", ascending=False, kind="stable")
    best = best.drop_duplicates("first").set_index("first").loc[rows]
    members = images.iloc[rows][["image_id", "patient_id", "split", "label"]].reset_index(drop=True)
    members.insert(0, "group", pd.factorize(duplicates.groups[rows])[0] + 1)
    members["kind"] = best["kind"].to_numpy()
    members["mirrored"] = best["mirrored"].to_numpy(dtype=bool)
    members["similarity"] = best["similarity"].to_numpy(dtype=np.float64)
    members["like"] = images["image_id"].iloc[best["second"].to_numpy()].to_numpy()
    return members.assign(row=rows)


def _finding(
    check: str, severity: Severity, members: pd.DataFrame, telling: str, remedy: str
) -> Finding | None:
    if members.empty:
        return None
    groups = members.groupby("group")
    exact = groups.ngroups - members.loc[members["kind"] != "exact", "group"].nunique()
    patients = int((groups["patient_id"].nunique() > 1).sum())
    where = {
        "duplicates_across_splits": "across splits",
        "duplicates_with_conflicting_labels": "with conflicting labels",
    }.get(check, "within a split")
    return Finding(
        check=check,
        severity=severity,
        summary=f"{plural(len(members), 'image')} in {plural(groups.ngroups, 'group')} "
        f"are copies of each other {where}: {exact:,} exact and "
        f"{groups.ngroups - exact:,} near; {patients:,} under different patients.",
        remedy=remedy,
        rows=_telling_pair_first(members, telling),
    )


def _telling_pair_first(members: pd.DataFrame, column: str) -> pd.DataFrame:
    """Order every group so that its second row differs from its first in a column, if any does."""
    first = members.groupby("group")[column].transform("first")
    leads = ~members["group"].duplicated()
    differs = (members[column] != first).fillna(False).astype(bool)
    rank = np.where(leads, 0, np.where(differs, 1, 2))
    return members.iloc[np.lexsort((members["row"], rank, members["group"]))].reset_index(drop=True)
