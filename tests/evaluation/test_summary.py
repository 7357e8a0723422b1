import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from bcdl.evaluation import summarise


def table() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "split": ["val", "test"] * 40,
            "label": pd.array(generator.integers(0, 2, 80), dtype="Int64"),
            "probability": generator.random(80),
        }
    )


def test_each_split_has_its_own_metrics() -> None:
    found = summarise(table(), threshold=0.3)
    assert list(found) == ["val", "test"]
    for split, rows in table().groupby("split"):
        labels, shares = rows["label"].to_numpy(dtype=int), rows["probability"].to_numpy()
        assert found[str(split)]["auroc"] == pytest.approx(metrics.roc_auc_score(labels, shares))
        assert found[str(split)]["accuracy"] == pytest.approx(metrics.accuracy_score(labels, shares >= 0.3))
        assert found[str(split)]["loss"] == pytest.approx(metrics.log_loss(labels, shares))


def test_unlabelled_rows_count_nowhere() -> None:
    extra = pd.DataFrame({"split": ["test"], "label": pd.array([None], dtype="Int64"), "probability": [0.9]})
    assert summarise(pd.concat([table(), extra])) == summarise(table())
