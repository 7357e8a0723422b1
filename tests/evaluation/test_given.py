from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bcdl.errors import UserError
from bcdl.evaluation.given import NO_PATIENTS, NO_SPLIT, NO_VALIDATION, read_given


def frame(n: int = 6, **columns: object) -> pd.DataFrame:
    own = {"label": np.arange(n) % 2, "probability": np.linspace(0.1, 0.9, n)}
    return pd.DataFrame(own | columns)


def written(tmp_path: Path, table: pd.DataFrame, name: str = "mine.csv") -> Path:
    path = tmp_path / name
    table.to_csv(path, index=False) if path.suffix == ".csv" else table.to_parquet(path)
    return path


@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet"])
def test_labels_and_probabilities_are_enough_and_what_is_missing_is_said(tmp_path: Path, name: str) -> None:
    given = read_given(written(tmp_path, frame(), name), {})
    assert given.notes == (NO_PATIENTS, NO_SPLIT)
    assert not given.has_patients
    assert given.table["split"].unique().tolist() == ["test"]
    assert given.table["sample_id"].tolist() == ["1", "2", "3", "4", "5", "6"]
    assert given.table["probability"].to_numpy() == pytest.approx(1 / (1 + np.exp(-given.table["logit"])))


def test_columns_under_other_names_and_those_of_subgroups_are_found(tmp_path: Path) -> None:
    table = frame(pid=list("aabbcc"), site=list("xxyyxx"), fold_of=1).rename(columns={"label": "cancer"})
    given = read_given(written(tmp_path, table), {"label": "cancer", "patient_id": "pid"})
    assert given.subgroups == ("site", "fold_of")
    assert given.has_patients
    assert given.table["patient_id"].tolist() == list("aabbcc")


def test_a_split_without_validation_and_patients_in_two_splits_are_said(tmp_path: Path) -> None:
    given = read_given(written(tmp_path, frame(patient_id=1, split="test")), {})
    assert given.notes == (NO_VALIDATION,)
    torn = frame(patient_id=list("aabbcc"), split=["val", "test", "val", "val", "test", "test"])
    assert any(
        "1 patients stand in several splits" in note for note in read_given(written(tmp_path, torn), {}).notes
    )


def test_samples_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    given = read_given(written(tmp_path, frame(label=[0, 1, None, 0, 1, None])), {})
    assert len(given.table) == 4
    assert any("2 samples without a label" in note for note in given.notes)


def test_several_classes_come_as_numbered_columns(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "label": [0, 1, 2],
            "probability_0": [0.8, 0.1, 0.2],
            "probability_1": [0.1, 0.7, 0.2],
            "probability_2": [0.1, 0.2, 0.6],
        }
    )
    given = read_given(written(tmp_path, table), {})
    assert [name for name in given.table if name.startswith("logit")] == ["logit_0", "logit_1", "logit_2"]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (
            frame(probability=[0.1, None, 0.2, None, 0.3, 0.4]),
            r"probability: expected a number from 0 to 1.*found nothing in row 2 and in 1 more",
        ),
        (
            frame(probability=[0.1, 3.5, 0.2, 0.3, 0.3, 0.4]),
            r"found '3.5' in row 2.*sigmoid|sigmoid.*found '3.5' in row 2",
        ),
        (
            frame(label=[0, 1, 2, 0, 1, 0]),
            r"label: expected a whole number from 0 to 1, or nothing, found '2' in row 3",
        ),
        (frame(label=list("nynyny")), "label: expected a whole number"),
        (frame(split="holdout"), r"split: expected one of train, val, test, found 'holdout'"),
        (frame(sample_id=list("aabcde")), "every sample_id once.*1 again, such as 'a'"),
        (
            frame(patient_id=["a", None, "b", "b", "c", "c"]),
            "patient_id: expected a value, found nothing in row 2",
        ),
        (frame().drop(columns="label"), r"none named label.*columns\.label=<its name>"),
        (frame().drop(columns="probability"), r"none named probability"),
        (frame(label=None), "at least one labelled sample"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_its_place(
    tmp_path: Path, table: pd.DataFrame, told: str
) -> None:
    with pytest.raises(UserError, match=told):
        read_given(written(tmp_path, table), {})


def test_a_missing_file_another_format_and_wrong_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a table of predictions, found no file"):
        read_given(tmp_path / "none.csv", {})
    with pytest.raises(UserError, match=r"\.csv or \.parquet"):
        read_given(tmp_path / "mine.xlsx", {})
    with pytest.raises(UserError, match=r"columns.label to be a column of .*found 'cancre'.*cancer"):
        read_given(written(tmp_path, frame(cancer=1)), {"label": "cancre"})
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(UserError, match="a table of predictions in"):
        read_given(tmp_path / "empty.csv", {})
