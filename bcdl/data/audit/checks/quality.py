"""Images that could not be read, and images without a picture."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.audit.finding import Finding
from bcdl.data.audit.words import counts, plural, verb
from bcdl.errors import UserError

REFUSED_COLUMNS = ["image_id", "kind", "detail"]


def refused_images(refused: pd.DataFrame | None) -> list[Finding]:
    """Count the images that are not in the store, by kind.

    Raises:
        UserError: The table lacks a column of `image_id, kind, detail`.
    """
    if refused is None or refused.empty:
        return []
    if missing := [name for name in REFUSED_COLUMNS if name not in refused]:
        raise UserError(
            f"audit: expected refused images with the columns {', '.join(REFUSED_COLUMNS)}, "
            f"found none named {', '.join(missing)}; add or rename it"
        )
    rows = refused.sort_values("kind", kind="stable", ignore_index=True)
    kinds = counts(refused["kind"].value_counts())
    return [
        Finding(
            check="refused_images",
            severity="warning",
            summary=f"{plural(len(refused), 'image')} could not be read, or "
            f"{verb(len(refused), 'was', 'were')} refused: {kinds}.",
            remedy="Mend the files, or leave them out with data.on_bad_image=skip and report their number.",
            rows=rows,
        )
    ]


def images_without_annotation(files: Sequence[str], named: bool) -> list[Finding]:
    """Report image files that no annotation names.

    Args:
        files: Their paths.
        named: Whether they may be named; those of private data are counted alone.
    """
    if not files:
        return []
    return [
        Finding(
            check="images_without_annotation",
            severity="note",
            summary=f"{plural(len(files), 'image file')} beside the annotated ones "
            f"{verb(len(files), 'is', 'are')} in no annotation.",
            remedy="Annotate or remove them; they are neither trained on nor tested.",
            rows=pd.DataFrame({"path": list(files) if named else []}),
        )
    ]


def blank_images(images: pd.DataFrame, blank: NDArray[np.bool_]) -> list[Finding]:
    """Find images that have one grey level throughout; `blank` (N,) marks them."""
    if not blank.any():
        return []
    rows = images.loc[blank, ["image_id", "patient_id", "split", "label"]]
    by_split = counts(rows["split"].value_counts())
    return [
        Finding(
            check="blank_images",
            severity="warning",
            summary=f"{plural(len(rows), 'image')} of {len(images):,} "
            f"{verb(len(rows), 'shows', 'show')} nothing but one grey level ({by_split}).",
            remedy="Look at the source files; leave out those that hold no picture, for example with "
            "data.on_bad_image=skip.",
            rows=rows.reset_index(drop=True),
        )
    ]
