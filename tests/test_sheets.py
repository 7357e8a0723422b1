"""Which samples a contact sheet shows, and how."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import bcdl
from bcdl.data import ExamDataModule
from bcdl.sheets import sample_sheet
from bcdl.transforms import Augment


@pytest.fixture
def data(trained: Path) -> ExamDataModule:
    return bcdl.load_run("latest", trained).data


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def first_view(figure: Figure) -> np.ndarray:
    return np.asarray(figure.axes[0].images[0].get_array())


def test_captions_name_the_sample_and_its_class(data: ExamDataModule) -> None:
    test = data.split_samples("test").set_index("sample_id")["label"]
    shown = dict(text.split("\n") for text in titles(sample_sheet(data, "test", 99)))
    assert shown == {sample: data.classes[label] for sample, label in test.items()}


def test_a_sample_has_its_views_side_by_side(data: ExamDataModule) -> None:
    axes = sample_sheet(data, "train", 1).axes[0]
    assert len(axes.images) == 2
    assert sorted(text.get_text()[2:] for text in axes.texts) == ["CC", "MLO"]


def test_the_choice_is_the_data_s_seed_alone(data: ExamDataModule) -> None:
    first, again = (titles(sample_sheet(data, "train", 5)) for _ in range(2))
    assert first == again
    data.seed += 1
    assert titles(sample_sheet(data, "train", 5)) != first


def test_training_samples_alone_are_augmented(data: ExamDataModule) -> None:
    augmented = {split: first_view(sample_sheet(data, split, 2)) for split in ("train", "test")}
    data.augment = Augment()
    plain = {split: first_view(sample_sheet(data, split, 2)) for split in ("train", "test")}
    assert (augmented["train"] != plain["train"]).any()
    np.testing.assert_array_equal(augmented["test"], plain["test"])


def test_unlabelled_samples_say_so(data: ExamDataModule) -> None:
    data.unlabelled = "keep"
    data.samples.loc[data.samples["split"] == "train", "label"] = None
    assert all(text.endswith("\nunlabelled") for text in titles(sample_sheet(data, "train", 3)))
