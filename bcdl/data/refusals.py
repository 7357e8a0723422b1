"""The report of the quality gate: every image that something was said against, and what becomes of it."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.errors import UserError
from bcdl.imaging import UNREADABLE, Problem

_LOG = logging.getLogger(__name__)
WITHOUT_PIXELS = ("undecodable", UNREADABLE)
_ADVICE = (
    "mend the files, or set data.on_bad_image=skip to leave refused images out, or =keep to keep those that "
    "can be decoded; bcdl prepare lists them all"
)


@dataclass(frozen=True)
class Refusals:
    """What was said against images.

    Attributes:
        rows: A row a problem: `row` (position in the exam table, from 0), `image_id`, `path` (empty for
            private data), `kind`, `detail`, `refused` (False for a remark).
        images: How many images there are.
    """

    rows: pd.DataFrame
    images: int

    @classmethod
    def of(cls, images: pd.DataFrame, records: pd.DataFrame, named: bool) -> "Refusals":
        """Collect the problems of images.

        Args:
            images: The exam table.
            records: Their records in a store, in the same order.
            named: Whether the files may be named.
        """
        said = records["problems"].to_numpy()
        rows = [
            (row, Problem(kind, detail))
            for row in np.flatnonzero(said != "[]").tolist()
            for kind, detail in json.loads(said[row])
        ]
        position = [row for row, _ in rows]
        concerned = images.iloc[position]
        frame = pd.DataFrame(
            {
                "row": np.array(position, dtype=np.int64),
                "image_id": concerned["image_id"].to_numpy(dtype=object),
                "path": concerned["path"].to_numpy(dtype=object) if named else "",
                "kind": [problem.kind for _, problem in rows],
                "detail": [problem.detail for _, problem in rows],
                "refused": np.array([problem.refuses for _, problem in rows], dtype=np.bool_),
            }
        )
        return cls(frame, len(images))

    def joined(self, other: "Refusals") -> "Refusals":
        """Return these and after them what was said against another table's images."""
        moved = other.rows.assign(row=other.rows["row"] + self.images)
        return Refusals(pd.concat([self.rows, moved], ignore_index=True), self.images + other.images)

    @property
    def refused(self) -> pd.DataFrame:
        """The rows that refuse an image."""
        return self.rows[self.rows["refused"]]

    def kept(self, on_bad_image: str, store: Path) -> NDArray[np.bool_]:
        """Return which images stay under a policy, (images,) bool.

        Raises:
            UserError: Images are refused and are not to be left out, or none stays.
        """
        refused = self.refused
        undecodable = refused[refused["kind"].isin(WITHOUT_PIXELS)]
        if len(undecodable) and undecodable["row"].nunique() == self.images:
            raise UserError(
                f"expected images, found none of {self.images} that can be decoded; the first: "
                f"{self._described(undecodable)}; do data.root and the paths fit together?"
            )
        if on_bad_image == "error" and len(refused):
            raise UserError(
                f"{self._counted(refused)} are refused ({self._kinds(refused)}); all others are stored in "
                f"{store}. The first: {self._described(refused)}; {_ADVICE}"
            )
        out = refused if on_bad_image == "skip" else undecodable
        kept = np.ones(self.images, np.bool_)
        kept[out["row"].unique()] = False
        if not kept.any():
            raise UserError(
                f"expected images, found all {self.images} refused ({self._kinds(out)}); {_ADVICE}"
            )
        return kept

    def warn_of(self, kept: NDArray[np.bool_]) -> None:
        """Say in the log which images are left out, (images,) True for those that stay."""
        out = self.refused[~kept[self.refused["row"]]]
        if len(out):
            _LOG.warning(
                "left out %s (%s); the first: %s",
                *(self._counted(out), self._kinds(out), self._described(out)),
            )

    def counts(self) -> pd.DataFrame:
        """Return `kind`, `refused` and `images`, the most frequent first."""
        grouped = self.rows.groupby(["kind", "refused"], sort=False)["row"].nunique()
        return (
            grouped.rename("images").reset_index().sort_values("images", ascending=False, ignore_index=True)
        )

    def _counted(self, rows: pd.DataFrame) -> str:
        return f"{rows['row'].nunique()} of {self.images} images"

    def _kinds(self, rows: pd.DataFrame) -> str:
        counts = rows.groupby("kind", sort=False)["row"].nunique()
        return ", ".join(f"{count} {kind}" for kind, count in counts.items())

    def _described(self, rows: pd.DataFrame) -> str:
        first = rows.iloc[0]
        path = f", {first['path']}" if first["path"] and first["path"] != first["image_id"] else ""
        return f"row {first['row'] + 1} (image {first['image_id']}{path}): {first['detail']}"
