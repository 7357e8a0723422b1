from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset

from bcdl.imaging import Display
from bcdl.imaging.dicom import read_dicom

Write = Callable[..., Path]
RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def kinds(path: Path, *modality: str) -> list[str]:
    return [problem.kind for problem in read_dicom(path, display=Display(modality=modality)).problems]


def coded(value: str, **nested: Any) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    for name, inner in nested.items():
        setattr(item, name, inner)
    return item


def test_nothing_is_said_against_an_ordinary_view(dicom: Write) -> None:
    path = dicom(RAMP, 12, PresentationIntentType="FOR PRESENTATION", BreastImplantPresent="NO")
    assert kinds(path, "MG") == []


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"PresentationIntentType": "FOR PROCESSING"}, "for_processing"),
        ({"BreastImplantPresent": "YES"}, "implant"),
        ({"PaddleDescription": "SPOT_COMPRESSION"}, "spot_view"),
        ({"SeriesDescription": "L MLO MAG"}, "spot_view"),
        ({"EstimatedRadiographicMagnificationFactor": "1.8"}, "spot_view"),
        (
            {"ViewCodeSequence": [coded("R-10226", ViewModifierCodeSequence=[coded("R-102D6")])]},
            "spot_view",
        ),
        ({"Modality": "US"}, "modality"),
        ({"ImageLaterality": "L", "Laterality": "R"}, "side"),
    ],
)
def test_what_the_header_says_against_an_image_is_found(
    tags: dict[str, Any], kind: str, dicom: Write
) -> None:
    assert kinds(dicom(RAMP, 12, **tags), "MG") == [kind]


def test_any_modality_is_taken_where_none_is_expected(dicom: Write) -> None:
    assert kinds(dicom(RAMP, 12, Modality="US")) == []


def test_contact_views_are_no_magnification_views(dicom: Write) -> None:
    assert kinds(dicom(RAMP, 12, EstimatedRadiographicMagnificationFactor="1.07")) == []


def test_values_that_need_more_bits_than_are_stored_are_found(dicom: Write) -> None:
    assert kinds(dicom(RAMP, 10)) == ["beyond_bits"]
    assert kinds(dicom(RAMP.astype(np.int16) - 2048, 12)) == []


def test_details_hold_no_text_of_the_header(dicom: Write) -> None:
    picture = read_dicom(dicom(RAMP, 12, Modality="SMITH JOHN"), display=Display(modality=("MG",)))
    assert "SMITH" not in picture.problems[0].detail
