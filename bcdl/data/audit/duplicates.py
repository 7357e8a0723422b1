"""Images that are copies of each other, exactly or nearly, and what to leave out because of them.

Near-duplicates are the same picture encoded anew, brighter, noisier, slightly cropped, or mirrored. Blank
images (one grey level) are copies of nothing. Groups are transitive: copies of copies are in one group.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.audit.candidates import candidate_pairs
from bcdl.data.audit.correlation import similarity
from bcdl.data.audit.linking import Links
from bcdl.data.audit.settings import AuditSettings
from bcdl.data.audit.signatures import signatures
from bcdl.data.audit.thumbnails import Checksums, Images, Scan, Thumbnails, scan
from bcdl.errors import UserError, nearest

Side = Literal["train", "test", "none"]
SIDES: tuple[Side, ...] = ("train", "test", "none")
LINK_COLUMNS = ["first", "second", "mirrored", "similarity", "kind"]


@dataclass(frozen=True, eq=False)
class Duplicates:
    """The copies among N images.

    Attributes:
        groups: (N,) the position of the first image of every image's group, -1 for an image without a copy.
        links: The pairs that make the groups, one fewer than a group has images: positions `first` <
            `second`, whether one is `mirrored`, `similarity` (correlation of details) and `kind` (exact or
            near).
    """

    groups: NDArray[np.int64]
    links: pd.DataFrame


def duplicate_groups(
    images: Images, checksums: Checksums | None = None, settings: AuditSettings | None = None
) -> NDArray[np.int64]:
    """Return a group number for every image, (N,): equal for copies, -1 for an image without one.

    Args:
        images: Stored images, `images[i]` an array (H, W, C).
        checksums: Checksums of their pixels, where known.
        settings: Thresholds.

    Raises:
        UserError: There are not as many checksums as images.
    """
    return find_duplicates(scan(images, checksums), settings or AuditSettings()).groups


def drop_duplicates(images: pd.DataFrame, groups: NDArray[np.int64], side: str) -> NDArray[np.bool_]:
    """Say which images to keep so that no copy of a test image is trained on.

    Args:
        images: Images of the exam table with their final `split`.
        groups: Their group numbers, from `duplicate_groups`.
        side: `test` drops test images with a copy in train or val, `train` drops images of train and val
            with a copy in test, `none` keeps all. Copies within one split stay.

    Returns:
        (N,) whether each image stays.

    Raises:
        UserError: `side` is none of these, or there are not as many groups as images.
    """
    if side not in SIDES:
        hint = nearest(side, SIDES)
        raise UserError(
            f"expected data.drop_duplicates to be one of {', '.join(SIDES)}, found '{side}'.{hint}"
        )
    if len(groups) != len(images):
        raise UserError(f"expected a group for each of {len(images)} images, found {len(groups)}")
    split = images["split"].to_numpy(dtype=object)
    test, fitted = split == "test", (split == "train") | (split == "val")
    dropped, other = {"test": (test, fitted), "train": (fitted, test)}.get(side, (test & fitted, test))
    shared = np.unique(groups[other & (groups >= 0)])
    keep: NDArray[np.bool_] = ~(dropped & np.isin(groups, shared))
    return keep


def find_duplicates(scanned: Scan, settings: AuditSettings) -> Duplicates:
    """Group scanned images into copies."""
    exact = _exact_links(scanned.checksums, scanned.blank)
    distinct = np.setdiff1d(np.flatnonzero(~scanned.blank), exact["second"].to_numpy())
    near = _near_links(scanned.thumbnails, distinct, settings.near_duplicate)
    links = pd.concat([frame for frame in (exact, near) if len(frame)] or [exact], ignore_index=True)
    joined = Links(len(scanned.blank))
    for first, second in zip(links["first"].tolist(), links["second"].tolist(), strict=True):
        joined.join(first, second)
    roots = joined.roots()
    alone = np.bincount(roots, minlength=len(roots))[roots] == 1
    return Duplicates(np.where(alone, -1, roots), links)


def _exact_links(checksums: Sequence[str] | Sequence[bytes], blank: NDArray[np.bool_]) -> pd.DataFrame:
    """Link every image to the first one with its checksum."""
    codes, _ = pd.factorize(pd.Series(list(checksums), dtype=object))
    rows = np.flatnonzero(~blank)
    first = pd.Series(rows).groupby(codes[rows]).transform("first").to_numpy(dtype=np.int64)
    copies = first != rows
    cells = {"first": first[copies], "second": rows[copies], "mirrored": False, "similarity": 1.0}
    return pd.DataFrame({**cells, "kind": "exact"}, columns=LINK_COLUMNS)


def _near_links(thumbnails: Thumbnails, rows: NDArray[np.int64], threshold: float) -> pd.DataFrame:
    """Link images that are nearly copies; in later rounds the firsts of the groups found are compared.

    A round compares an image with its few nearest ones only, so that many copies of one picture come out as
    several groups at first.
    """
    joined, links = Links(len(thumbnails)), []
    while len(rows) > 1:
        pairs = candidate_pairs(signatures(thumbnails[rows]))
        first, second = rows[pairs["first"].to_numpy()], rows[pairs["second"].to_numpy()]
        new = []
        for one, other, flip in zip(first.tolist(), second.tolist(), pairs["mirrored"].tolist(), strict=True):
            if joined.root(one) == joined.root(other):
                continue
            if (found := similarity(thumbnails[one], thumbnails[other], flip, threshold)) >= threshold:
                joined.join(one, other)
                new.append((one, other, flip, found, "near"))
        links += new
        rows = np.array(sorted({joined.root(one) for one, *_ in new}), np.int64)
    return pd.DataFrame(links, columns=LINK_COLUMNS)
