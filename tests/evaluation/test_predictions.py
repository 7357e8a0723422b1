from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from bcdl.errors import UserError
from bcdl.evaluation import predictions_table, read_predictions, write_predictions
from bcdl.evaluation.predictions import labels


def samples() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample_id": ["a", "b", "c", "d"],
            "patient_id": ["p", "p", "q", "r"],
            "exam_id": ["e", "e", "f", "g"],
            "laterality": ["L", "R", "L", "NA"],
            "split": ["val", "val", "test", "test"],
            "label": pd.array([0, 1, None, 1], dtype="Int64"),
            "rows": [[0], [1], [2], [3]],
        }
    )


def test_each_prediction_joins_its_sample_whatever_the_order_and_repeats_count_once() -> None:
    table = predictions_table(samples(), torch.tensor([3, 0, 2, 0]), torch.tensor([2.0, 0.0, -1.0, 9.0]))
    assert table["sample_id"].tolist() == ["a", "c", "d"]
    assert table["logit"].tolist() == [0.0, -1.0, 2.0]
    assert table["probability"].tolist() == pytest.approx([0.5, 1 / (1 + np.e), 1 / (1 + np.exp(-2))])
    assert labels(table).tolist() == [0, -1, 1]


def test_the_columns_are_those_of_the_predictions_table() -> None:
    table = predictions_table(samples(), np.arange(4), np.zeros(4), fold=2)
    assert table.columns.tolist() == [
        *(
            "sample_id",
            "patient_id",
            "exam_id",
            "laterality",
            "split",
            "fold",
            "label",
            "logit",
            "probability",
        )
    ]
    assert table["fold"].tolist() == [2] * 4


def test_several_classes_have_a_column_each() -> None:
    table = predictions_table(samples(), np.arange(4), np.log([[1, 1, 2]] * 4))
    assert table.columns.tolist()[-6:] == [
        f"{name}_{k}" for name in ("logit", "probability") for k in range(3)
    ]
    assert table[["probability_0", "probability_1", "probability_2"]].iloc[0].tolist() == pytest.approx(
        [0.25, 0.25, 0.5]
    )


def test_parquet_gives_back_the_same_table(tmp_path: Path) -> None:
    table = predictions_table(samples(), np.arange(4), np.linspace(-1, 1, 4))
    write_predictions(table, tmp_path / "predictions.parquet")
    pd.testing.assert_frame_equal(read_predictions(tmp_path / "predictions.parquet"), table)


def test_a_missing_or_other_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a predictions table"):
        read_predictions(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("sample_id,label")
    with pytest.raises(UserError, match="expected a predictions table"):
        read_predictions(tmp_path / "text.parquet")
    samples().drop(columns="rows").to_parquet(tmp_path / "samples.parquet")
    with pytest.raises(UserError, match="fold, label and probability"):
        read_predictions(tmp_path / "samples.parquet")
