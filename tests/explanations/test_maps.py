import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import bcdl
from bcdl.explain import Lesions
from bcdl.explanations import Examined
from bcdl.explanations.maps import BRIGHTNESS, checked, explained, scored_positions


@pytest.fixture
def examined(trained: Path) -> Examined:
    run = bcdl.load_run("latest", trained)
    return Examined(run.model, run.data, "train", 1, torch.device("cpu"))


def test_samples_of_the_class_without_a_located_lesion_are_not_scored(examined: Examined) -> None:
    lesions = Lesions(examined.data, 1)
    located = lesions.shown(examined.samples)
    scored = scored_positions(examined, lesions, most=999, seed=0)
    assert scored == np.flatnonzero(located | (examined.label == 0)).tolist()
    few = scored_positions(examined, lesions, most=2, seed=0)
    assert located[few].sum() == 2
    assert len(few) == 4
    assert few == scored_positions(examined, lesions, most=2, seed=0)


def test_samples_are_shown_or_scored_whatever_batch_they_are_in(examined: Examined) -> None:
    lesions = Lesions(examined.data, 1)
    scored = scored_positions(examined, lesions, most=3, seed=0)
    found = explained(examined, ["layer_cam"], [1, 0], scored, lesions, 0)
    assert list(found) == ["layer_cam", BRIGHTNESS]
    assert sorted(found["layer_cam"].shown) == [0, 1]
    numbers = examined.samples.index[scored]
    assert sorted(set(found["layer_cam"].scored.marked)) == numbers.tolist()
    views = pd.DataFrame(found["layer_cam"].scored.views)
    with_lesion = np.flatnonzero(lesions.shown(examined.samples))
    assert set(views["sample"]) == set(examined.samples.index[np.intersect1d(scored, with_lesion)])


def test_without_scores_there_is_no_control(examined: Examined) -> None:
    assert list(explained(examined, ["layer_cam"], [0], [], Lesions(examined.data, 1), 0)) == ["layer_cam"]


def test_a_method_whose_maps_are_the_same_everywhere_is_not_checked(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    nothing = torch.zeros_like(next(examined.model.head.parameters()))
    with torch.no_grad(), caplog.at_level(logging.WARNING):
        kept = [(p, p.clone()) for p in examined.model.head.parameters()]
        next(examined.model.head.parameters()).copy_(nothing)
        try:
            assert checked(examined, ["grad_cam"], [0], 0) == {}
        finally:
            for parameter, value in kept:
                parameter.copy_(value)
    assert "grad_cam was not checked: expected maps that differ" in caplog.text


def test_probabilities_are_those_of_the_predictions_in_the_order_of_the_samples(trained: Path) -> None:
    run = bcdl.load_run("latest", trained)
    examined = Examined(run.model, run.data, "test", 1, torch.device("cpu"))
    recorded = run.predictions.query("split == 'test'").set_index("sample_id")["probability"]
    assert examined.probability == pytest.approx(recorded[examined.samples["sample_id"]].to_numpy(), abs=1e-6)
    other = Examined(run.model, run.data, "test", 0, torch.device("cpu"))
    assert other.probability == pytest.approx(1 - examined.probability)
