"""What is left in a run of data that are gone."""

import pandas as pd
import pytest
from omegaconf import OmegaConf

from bcdl.subject import Subject
from bcdl.trained import Training


def predictions(labels: dict[str, list[int]]) -> pd.DataFrame:
    rows = [(split, label) for split, each in labels.items() for label in each]
    table = pd.DataFrame(rows, columns=["split", "label"]).assign(probability=0.5)
    return table.astype({"label": "Int64"})


def remembered(splits: pd.DataFrame | None, table: pd.DataFrame, data: dict[str, object]) -> Subject:
    training = Training("a", "0" * 32, "mine", splits, {}, {}, None)
    return Subject.remembered(OmegaConf.create({"data": data}), training, table, "gone")


@pytest.mark.parametrize(
    ("columns", "classes"),
    [
        ({"benign": [20, 3, 2], "malignant": [9, 1, 1]}, ("benign", "malignant")),
        ({"malignant": [9, 1, 1], "benign": [20, 3, 2]}, ("negative", "positive")),  # another order
        ({"benign": [9, 1, 1]}, ("negative", "positive")),
    ],
)
def test_classes_have_the_names_whose_counts_agree_with_the_labels(
    columns: dict[str, list[int]], classes: tuple[str, ...]
) -> None:
    splits = pd.DataFrame(
        {"split": ["train", "val", "test"], "samples": [29, 4, 3], "patients": 1, **columns}
    )
    table = predictions({"val": [0, 0, 0, 1], "test": [0, 1, 0]})
    assert remembered(splits, table, {"unit": "exam"}).classes == classes


def test_equal_counts_prove_no_order_of_names() -> None:
    splits = pd.DataFrame({"split": ["val"], "samples": 2, "patients": 2, "a": 1, "b": 1})
    assert remembered(splits, predictions({"val": [0, 1]}), {"unit": "exam"}).classes[0] == "negative"


def test_several_classes_are_numbered_and_several_data_sets_named() -> None:
    table = predictions({"val": [0, 2]}).drop(columns="probability")
    table = table.assign(probability_0=0.2, probability_1=0.3, probability_2=0.5)
    found = remembered(None, table, {"unit": "image", "stores": {"one": "x", "two": "y"}})
    assert found.classes == ("class 0", "class 1", "class 2")
    assert found.data_sets == ("one", "two")
    assert list(found.attributes()) == ["sample_id"]
    assert found.notes == ("gone",)
