"""A label rule over a source's codes: which count as benign, which as malignant; others are unlabelled."""

from collections.abc import Iterable, Sequence

import pandas as pd

from bcdl.errors import UserError


def checked_codes(setting: str, codes: Iterable[object], known: Sequence[str]) -> tuple[str, ...]:
    """Return the codes of a rule as text.

    Args:
        setting: The setting that holds them, such as `data.malignant`, for the message.
        codes: The codes, numbers or text.
        known: The codes that the source has.

    Raises:
        UserError: One is not known.
    """
    words = tuple(map(str, codes))
    for word in words:
        if word not in known:
            raise UserError(f"expected {setting} to hold codes of {', '.join(known)}, found '{word}'")
    return words


def check_apart(benign: Sequence[str], malignant: Sequence[str]) -> None:
    """Raise `UserError` if a code counts as benign and as malignant, or none as malignant."""
    if both := [code for code in malignant if code in benign]:
        raise UserError(
            f"expected every code in one of data.benign and data.malignant, found {', '.join(both)} in both"
        )
    if not malignant:
        raise UserError("expected one code or more in data.malignant, found none")


def label_codes(cells: pd.Series, benign: Sequence[str], malignant: Sequence[str]) -> pd.Series:
    """Return 1 for malignant codes, 0 for benign ones, null for others."""
    rule = dict.fromkeys(benign, 0) | dict.fromkeys(malignant, 1)
    return cells.map(rule).astype("Int64")
