"""All checks of a data set, the most severe findings first."""

import pandas as pd

from bcdl.data.audit import checks
from bcdl.data.audit.duplicates import find_duplicates
from bcdl.data.audit.finding import Finding, by_severity
from bcdl.data.audit.settings import AuditSettings
from bcdl.data.audit.thumbnails import Checksums, Images, scan
from bcdl.data.table import ExamTable
from bcdl.errors import UserError


def audit(
    table: ExamTable,
    images: Images,
    checksums: Checksums | None = None,
    refused: pd.DataFrame | None = None,
    settings: AuditSettings | None = None,
) -> list[Finding]:
    """Check a data set.

    Args:
        table: The exam table, with the splits that are to be trained on; it need not have been validated.
        images: The stored pixels: row i of the table at position i, (H, W, C) uint8 or uint16.
        checksums: One an image, equal for equal pixels; computed where they are not given.
        refused: Images that are not in the table because they could not be read: `image_id, kind, detail`.
        settings: Thresholds.

    Returns:
        The findings by severity; none where nothing is wrong.

    Raises:
        UserError: There are not as many images as rows, or checksums as images; or `refused` lacks a column.
    """
    if len(images) != len(table.images):
        raise UserError(
            f"audit: expected a stored image for each of {len(table.images)} rows, found {len(images)}; "
            "give the table and the images of the same store"
        )
    settings, rows = settings or AuditSettings(), table.images
    scanned = scan(images, checksums)
    return by_severity(
        [
            *checks.patients_across_splits(rows),
            *checks.copies(rows, find_duplicates(scanned, settings)),
            *checks.label_leaks(table, settings),
            *checks.class_balance(table),
            *checks.class_by_source(table, settings),
            *checks.split_by_source(table, settings),
            *checks.split_prevalence(table, settings),
            *checks.birads_leak(table, settings),
            *checks.refused_images(refused),
            *checks.blank_images(rows, scanned.blank),
            *checks.missing_views(rows),
            *checks.unknown_views(rows),
        ]
    )
