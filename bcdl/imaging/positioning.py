"""Side and view of a mammogram from its DICOM header, with what its tags disagree on.

Order of the tags for the side: ImageLaterality, FrameLaterality, Laterality, SeriesDescription. For the
view: ViewPosition, ViewCodeSequence, PatientOrientation (where it holds a view, as in CBIS-DDSM),
SeriesDescription. The first that says something known counts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset

_SIDES = {"L": "L", "LEFT": "L", "R": "R", "RIGHT": "R"}
_VIEWS = {
    **{name: name for name in ("CC", "MLO", "ML", "LM", "LMO", "XCCL", "AT", "FB")},
    **{"XCC": "XCCL", "XCCM": "OTHER", "SIO": "OTHER", "ISO": "OTHER"},
}
_VIEW_CODES = {  # SNOMED CT, and SNOMED RT before it: DICOM's context group 4014
    **dict.fromkeys(("399162004", "R-10242"), "CC"),
    **dict.fromkeys(("399368009", "R-10226"), "MLO"),
    **dict.fromkeys(("399260004", "R-10224"), "ML"),
    **dict.fromkeys(("399352003", "R-10228"), "LM"),
    **dict.fromkeys(("399099002", "R-10230"), "LMO"),
    **dict.fromkeys(("399196006", "R-10244"), "FB"),
    **dict.fromkeys(("399192008", "R-1024A"), "XCCL"),
    **dict.fromkeys(("399101009", "R-1024B", "399188001", "R-102D0", "441555000", "R-40AAA"), "OTHER"),
}


_SERIES_WORD = re.compile(r"(L|R|LEFT|RIGHT)?(CC|MLO|ML|LM|LMO|XCCL)?")


@dataclass(frozen=True)
class Reading:
    """What the header says about one property.

    Attributes:
        value: `L`, `R` or a view; `NA` where nothing known is said.
        source: The tag that it comes from; empty for `NA`.
        disagreeing: Tags that say something else, with what they say, such as `SeriesDescription R`.
    """

    value: str
    source: str
    disagreeing: tuple[str, ...] = ()


def laterality(header: Dataset) -> Reading:
    """Return the side that an image shows."""
    return _first_known(
        [
            ("ImageLaterality", _SIDES.get(_text(header, "ImageLaterality"))),
            ("FrameLaterality", _SIDES.get(_frame_laterality(header))),
            ("Laterality", _SIDES.get(_text(header, "Laterality"))),
            ("SeriesDescription", _described(header)[0]),
        ]
    )


def view(header: Dataset) -> Reading:
    """Return the view that an image shows, a word of the exam table's vocabulary."""
    return _first_known(
        [
            ("ViewPosition", _VIEWS.get(_text(header, "ViewPosition"))),
            ("ViewCodeSequence", _coded_view(header)),
            ("PatientOrientation", _VIEWS.get(_text(header, "PatientOrientation"))),
            ("SeriesDescription", _described(header)[1]),
        ]
    )


def _first_known(said: Iterable[tuple[str, str | None]]) -> Reading:
    known = [(tag, value) for tag, value in said if value is not None]
    if not known:
        return Reading("NA", "")
    (source, value), *others = known
    return Reading(value, source, tuple(f"{tag} {other}" for tag, other in others if other != value))


def _text(header: Dataset, tag: str) -> str:
    """Return a tag's one value in capitals; empty where there is none or several."""
    value: Any = header.get(tag)
    return value.strip().upper() if isinstance(value, str) else ""


def _frame_laterality(header: Dataset) -> str:
    for item in header.get("SharedFunctionalGroupsSequence") or []:
        for anatomy in item.get("FrameAnatomySequence") or []:
            return _text(anatomy, "FrameLaterality")
    return ""


def _coded_view(header: Dataset) -> str | None:
    codes = [str(item.get("CodeValue", "")) for item in header.get("ViewCodeSequence") or []]
    return next((_VIEW_CODES[code] for code in codes if code in _VIEW_CODES), None)


def _described(header: Dataset) -> tuple[str | None, str | None]:
    """Return side and view that the series' description names, each if it names one alone.

    Single letters, and views that are ordinary words or abbreviations too (AT, FB), say nothing.
    """
    sides, views = set[str](), set[str]()
    for word in re.split(r"[^A-Z]+", _text(header, "SeriesDescription")):
        if named := _SERIES_WORD.fullmatch(word):
            side, shown = named.groups()
            sides |= {_SIDES[side]} if side and (shown or len(side) > 1) else set()
            views |= {shown} if shown else set()
    return (sides.pop() if len(sides) == 1 else None), (views.pop() if len(views) == 1 else None)
