"""What a DICOM header says against an image, in words that hold nothing personal."""

import re
from collections.abc import Iterator

from pydicom import Dataset

from bcdl.imaging.picture import Problem
from bcdl.imaging.positioning import laterality, view

_MODIFIERS = {  # SNOMED CT and SNOMED RT codes of DICOM's context group 4015
    **dict.fromkeys(("399163009", "R-102D6"), "magnification"),
    **dict.fromkeys(("399055006", "R-102D7"), "spot compression"),
}
_SPOT = re.compile(r"\b(SPOT|MAG|MAGNIFICATION|MAGNIFIED)\b")
_MAGNIFIED = 1.4  # contact views have factors up to about 1.1, magnification views from about 1.5


def header_problems(header: Dataset, modality: tuple[str, ...]) -> tuple[Problem, ...]:
    """Return what speaks against an image.

    Args:
        header: The file's data set.
        modality: The modalities that are expected; empty expects any.
    """
    return tuple(_problems(header, modality))


def _problems(header: Dataset, modality: tuple[str, ...]) -> Iterator[Problem]:
    found = str(header.get("Modality") or "none")
    if modality and found not in modality:
        yield Problem("modality", f"expected modality {' or '.join(modality)}, found {_word(found)}")
    if str(header.get("PresentationIntentType") or "").upper() == "FOR PROCESSING":
        yield Problem("for_processing", "expected an image FOR PRESENTATION, found one FOR PROCESSING")
    if str(header.get("BreastImplantPresent") or "").upper() == "YES":
        yield Problem("implant", "expected a breast without an implant, found BreastImplantPresent YES")
    if spot := _spot(header):
        yield Problem("spot_view", f"expected a view of the whole breast, found {spot}")
    for name, reading in (("laterality", laterality(header)), ("view", view(header))):
        if reading.disagreeing:
            others = ", ".join(reading.disagreeing)
            yield Problem("side", f"{name}: {reading.source} says {reading.value}, but {others}")


def _spot(header: Dataset) -> str:
    """Return what makes an image a spot or magnification view, or nothing."""
    for item in header.get("ViewCodeSequence") or []:
        for modifier in item.get("ViewModifierCodeSequence") or []:
            if code := _MODIFIERS.get(str(modifier.get("CodeValue", ""))):
                return f"the view modifier {code}"
    for tag in ("PaddleDescription", "SeriesDescription", "ViewPosition"):
        if mark := _SPOT.search(str(header.get(tag) or "").upper().replace("_", " ")):
            return f"{mark.group()} in {tag}"
    factor = header.get("EstimatedRadiographicMagnificationFactor")
    if factor and float(factor) >= _MAGNIFIED:
        return f"a magnification factor of {float(factor):.2f}"
    return ""


def _word(found: str) -> str:
    """Return a coded word, or none of it where the field holds anything longer."""
    return found if re.fullmatch(r"[A-Z]{1,6}|none", found) else "something else"
