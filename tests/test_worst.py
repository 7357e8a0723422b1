"""The worst errors of a run as a section of its report."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

import bcdl
from bcdl.evaluation.assessment import Section
from bcdl.notebook import Run
from bcdl.worst import errors_section


@pytest.fixture
def run(trained: Path) -> Run:
    return bcdl.load_run("latest", trained)


def section(run: Run, count: int, **given: object) -> Section | None:
    """Return the worst errors of its test samples at the median probability, which leaves some wrong."""
    judged = run.predictions.query("split == 'test'")
    threshold = float(judged["probability"].median())
    known = {"data": run.data, "model": run.model, **given}
    return errors_section(judged, threshold, run.data.classes, count, **known)  # type: ignore[arg-type]


def test_each_error_is_a_picture_with_what_it_is_below_it(run: Run) -> None:
    found = section(run, 4)
    assert found is not None
    errors = found.tables["worst_errors.csv"]
    assert 0 < len(errors) == len(found.pictures) == len(found.captions) <= 4
    assert "HiResCAM" in found.text
    for error, (file, content) in zip(errors.to_dict("records"), found.pictures.items(), strict=True):
        assert file.startswith(f"figures/{error['error'].replace(' ', '_')}_")
        assert found.captions[file].startswith(f"{error['error']}: {error['truth']}, probability 0.")
        assert error["sample_id"] in found.captions[file]
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape[:2] == (2 * 240 + 4, 2 * 120 + 4)  # two views, over their maps


def test_a_picture_shows_the_sample_that_it_names(run: Run) -> None:
    found = section(run, 2)
    assert found is not None
    content = next(iter(found.pictures.values()))
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    shown = picture[:240, :120].astype(float)
    samples = run.data.samples
    rows = {
        str(sample): [run.data.store[row][..., 0].astype(float) for row in each]
        for sample, each in zip(samples["sample_id"], samples["rows"], strict=True)
    }

    def likeness(image: np.ndarray) -> float:
        small = cv2.resize(image, (120, 240), interpolation=cv2.INTER_LINEAR)
        return float(np.corrcoef(small.ravel(), shown.ravel())[0, 1])

    likest = max(rows, key=lambda sample: max(likeness(image) for image in rows[sample]))
    assert likest == found.tables["worst_errors.csv"]["sample_id"].iloc[0]


def test_without_data_they_are_listed_and_none_are_shown_where_none_are_asked_for(run: Run) -> None:
    listed = section(run, 4, data=None)
    assert listed is not None
    assert not listed.pictures
    assert "without their images" in listed.text
    assert section(run, 0) is None


def test_where_no_map_works_there_are_images_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bcdl.worst.methods_for", lambda model: ("occlusion",))
    found = section(run, 2)
    assert found is not None
    assert "No map of evidence works for this model" in found.text
    picture = cv2.imdecode(np.frombuffer(next(iter(found.pictures.values())), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[:2] == (240, 2 * 120 + 4)


def test_of_several_classes_each_error_is_explained_for_the_class_that_was_called(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    from bcdl.explain import explain

    def noted(model: object, batch: object, method: str, target: int = 1) -> object:
        asked.append(target)
        return explain(model, batch, method, min(target, 1))  # type: ignore[arg-type]

    monkeypatch.setattr("bcdl.worst.explain", noted)
    monkeypatch.setattr(type(run.data), "classes", property(lambda data: ("a", "b", "c")))
    judged = run.predictions.query("split == 'test'").drop(columns="probability")
    shares = pd.DataFrame({"probability_0": 0.2, "probability_1": 0.3, "probability_2": 0.5}, judged.index)
    found = errors_section(judged.join(shares), 0.5, ("a", "b", "c"), 2, data=run.data, model=run.model)
    assert found is not None
    assert set(found.tables["worst_errors.csv"]["called"]) == {"c"}
    assert set(asked) == {2}
