"""The exam table: one row an image, one row a finding, checked against one schema.

Every reader gives an `ExamTable`; everything after it relies on the columns, types and vocabularies of
`bcdl.data.schema`. This module reads no files and makes no splits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.naming import named, quoted
from bcdl.data.schema import (
    DENSITIES,
    FINDING_COLUMNS,
    IMAGE_COLUMNS,
    LATERALITIES,
    REQUIRED_FINDING_COLUMNS,
    REQUIRED_IMAGE_COLUMNS,
    SPLITS,
    VIEWS,
    Columns,
    cast_cells,
    finding_issues,
    image_issues,
)
from bcdl.errors import UserError, nearest

__all__ = [
    "DENSITIES",
    "LATERALITIES",
    "SPLITS",
    "VIEWS",
    "ExamTable",
    "complete_findings",
    "complete_images",
    "keep_valid_rows",
    "positive_last",
    "validate_table",
]


@dataclass(frozen=True)
class ExamTable:
    """All images of a data set, and what was found on them.

    Attributes:
        images: One row an image, RangeIndex, the columns of `schema.IMAGE_COLUMNS` and any `meta_*`.
        findings: One row a finding, the columns of `schema.FINDING_COLUMNS`; boxes in pixels of the source
            image, half-open.
        classes: Class names by label; of more than two, in order of rising severity.
        positive: The class that counts as positive (malignant, whatever the source's coding).
    """

    images: pd.DataFrame
    findings: pd.DataFrame
    classes: tuple[str, ...]
    positive: str

    @property
    def positive_label(self) -> int:
        """The label of the positive class."""
        return self.classes.index(self.positive)


def complete_images(images: pd.DataFrame, source: str = "the images table") -> pd.DataFrame:
    """Give images all columns in their types; nulls become `NA` (laterality, view, split) or 0 (frame).

    Raises:
        UserError: A required column is missing, a column is unknown, or a cell cannot take its column's type.
    """
    return _complete(images, IMAGE_COLUMNS, REQUIRED_IMAGE_COLUMNS, source)


def complete_findings(findings: pd.DataFrame | None, source: str = "the findings table") -> pd.DataFrame:
    """Give findings all columns in their types; `None` gives an empty table.

    Raises:
        UserError: A required column is missing, a column is unknown, or a cell cannot take its column's type.
    """
    if findings is None:
        findings = pd.DataFrame(columns=list(FINDING_COLUMNS))
    return _complete(findings, FINDING_COLUMNS, REQUIRED_FINDING_COLUMNS, source)


def validate_table(table: ExamTable, source: str) -> ExamTable:
    """Complete a table and check every cell of it.

    Args:
        table: Images and findings as a reader made them.
        source: The file or folder that the table comes from, for the message.

    Raises:
        UserError: Names the first bad column, row and value, what was expected and what to do.
    """
    checked, issues = _check(table, source)
    for rows, frame in zip(issues, (checked.images, checked.findings), strict=True):
        if len(rows):
            raise UserError(_describe(rows, frame, source))
    return checked


def keep_valid_rows(table: ExamTable, source: str) -> tuple[ExamTable, pd.DataFrame]:
    """Complete a table and leave out its bad rows (`data.on_bad_row=skip`).

    Findings of images left out go too. Of images with the same `image_id` the first stays.

    Returns:
        The table without them, and the bad cells of its images (`row, column, value, expected`, row from 0).

    Raises:
        UserError: A column is missing or unknown, or no row is left.
    """
    checked, (bad_images, bad_findings) = _check(table, source)
    images = _without(checked.images, bad_images)
    if images.empty:
        raise UserError(f"no valid row: {_describe(bad_images, checked.images, source)}")
    findings = _without(checked.findings, bad_findings)
    findings = findings[findings["image_id"].isin(images["image_id"])].reset_index(drop=True)
    return replace(checked, images=images, findings=findings), bad_images


def positive_last(table: ExamTable) -> ExamTable:
    """Recode a table of two classes so that label 1 is the positive one; other tables stay as they are."""
    if len(table.classes) != 2 or table.positive_label == 1:
        return table
    return replace(
        table,
        images=table.images.assign(label=1 - table.images["label"]),
        findings=table.findings.assign(label=1 - table.findings["label"]),
        classes=table.classes[::-1],
    )


def rows_of(table: ExamTable, kept: NDArray[np.bool_]) -> ExamTable:
    """Return a table with some of its images, and their findings, alone."""
    if kept.all():
        return table
    images = table.images[kept].reset_index(drop=True)
    findings = table.findings[table.findings["image_id"].isin(images["image_id"])].reset_index(drop=True)
    return replace(table, images=images, findings=findings)


def _complete(frame: pd.DataFrame, columns: Columns, required: Sequence[str], source: str) -> pd.DataFrame:
    _check_columns(frame, columns, required, source)
    completed, issues = cast_cells(frame, columns)
    if len(issues):
        raise UserError(_describe(issues, completed, source))
    return completed


def _check(table: ExamTable, source: str) -> tuple[ExamTable, tuple[pd.DataFrame, pd.DataFrame]]:
    """Complete a table; return it with the issues of its images and of its findings."""
    _check_classes(table, source)
    if table.images.empty:
        raise UserError(f"{source}: expected at least one image, found none")
    _check_columns(table.images, IMAGE_COLUMNS, REQUIRED_IMAGE_COLUMNS, source)
    _check_columns(table.findings, FINDING_COLUMNS, REQUIRED_FINDING_COLUMNS, f"{source} (findings)")
    images, uncast_images = cast_cells(table.images, IMAGE_COLUMNS)
    findings, uncast_findings = cast_cells(table.findings, FINDING_COLUMNS)
    count = len(table.classes)
    image_rows = _merge(uncast_images, image_issues(images, count))
    finding_rows = _merge(uncast_findings, finding_issues(findings, images, count))
    return replace(table, images=images, findings=findings), (image_rows, finding_rows)


def _merge(uncast: pd.DataFrame, failed: pd.DataFrame) -> pd.DataFrame:
    """Join the issues of casting and of checking by row; a cell is named once, with its value as read."""
    found = [issues for issues in (uncast, failed) if len(issues)]
    issues = pd.concat(found, ignore_index=True) if found else failed
    return issues.drop_duplicates(["row", "column"]).sort_values("row", kind="stable", ignore_index=True)


def _without(frame: pd.DataFrame, issues: pd.DataFrame) -> pd.DataFrame:
    return frame[~frame.index.isin(issues["row"])].reset_index(drop=True)


def _check_classes(table: ExamTable, source: str) -> None:
    if len(table.classes) < 2 or len(set(table.classes)) < len(table.classes):
        raise UserError(f"{source}: expected two or more different classes, found {list(table.classes)}")
    if table.positive not in table.classes:
        hint = nearest(table.positive, table.classes)
        raise UserError(
            f"{source}: expected the positive class to be one of {', '.join(table.classes)}, "
            f"found '{table.positive}'.{hint}"
        )


def _check_columns(frame: pd.DataFrame, columns: Columns, required: Sequence[str], source: str) -> None:
    missing = [name for name in required if name not in frame]
    if missing:
        raise UserError(
            f"{source}: expected the columns {', '.join(required)}, found none named {', '.join(missing)} "
            f"(there are {', '.join(map(str, frame.columns))}); add or rename it"
        )
    for name in frame.columns:
        if name not in columns and not str(name).startswith("meta_"):
            raise UserError(
                f"{source}: unknown column '{name}'.{nearest(str(name), columns)} "
                f"Rename it, or call it 'meta_{name}' to carry it along"
            )


def _describe(issues: pd.DataFrame, frame: pd.DataFrame, source: str) -> str:
    """Word the first issue: what was expected, what was found, where, and what to do."""
    first = issues.iloc[0]
    value = first["value"].item() if isinstance(first["value"], np.generic) else first["value"]
    found: str = "nothing" if pd.isna(value) else quoted(value)
    place = f"row {first['row'] + 1} (image_id {named('image', frame['image_id'].iloc[first['row']])})"
    more = f" and {len(issues) - 1} more bad cells" if len(issues) > 1 else ""
    return (
        f"{source}: {first['column']}: expected {first['expected']}, found {found} in {place}{more}; "
        f"correct it, or set data.on_bad_row=skip to leave such rows out (rows are counted from 1)"
    )
