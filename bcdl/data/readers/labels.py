"""From the words of a label column to the labels of the exam table."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bcdl.data.naming import quoted
from bcdl.errors import UserError, nearest

NORMAL = ("benign", "drop", "unlabelled")  # what images of normal breasts count as, where a set has them


def with_labels(frame: pd.DataFrame, classes: Sequence[str], source: Path, on_bad_row: str) -> pd.DataFrame:
    """Replace the class names of the column `label` by labels; a frame without it stays as it is.

    Args:
        frame: Rows of a user's file. A cell is a class name, its position in `classes` (names win where both
            would do), or nothing.
        classes: Class names by label.
        source: The file, for the message.
        on_bad_row: With `skip` other cells stay as they are, for the schema to report.

    Raises:
        UserError: A cell holds something else, and such rows are not to be skipped.
    """
    if "label" not in frame:
        return frame
    position = {name: label for label, name in enumerate(classes)}
    labels = frame["label"].astype(object).map(lambda cell: position.get(_name(cell), cell))
    strange = labels.notna() & ~pd.to_numeric(labels, errors="coerce").isin(range(len(classes)))
    if strange.any() and on_bad_row == "error":
        row = int(np.flatnonzero(strange)[0])
        found = str(labels.iloc[row])
        raise UserError(
            f"{source}: label: expected one of {', '.join(classes)} (or its position, from 0) or "
            f"nothing, found {quoted(found, classes)} in row {row + 1}.{nearest(found, classes)} Correct it "
            "or data.classes, or set data.on_bad_row=skip to leave such rows out (rows are counted from 1)"
        )
    return frame.assign(label=labels)


def _name(cell: object) -> str:
    """Return a cell as the name of a class; 2.0, as columns with gaps are exported, is 2."""
    text = str(cell)
    return text.removesuffix(".0") if text.removesuffix(".0").isdecimal() else text
