import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from bcdl.evaluation.assessment import LevelAssessment, Settings, assess
from bcdl.evaluation.assessment.subgroups import grouped, subgroups

FEW = Settings(draws=300)


def level(table: pd.DataFrame) -> LevelAssessment:
    return assess(table, "image", FEW).levels[0]


def test_each_group_has_scikit_learns_auroc_and_an_interval(table: pd.DataFrame) -> None:
    found = subgroups(level(table), ["density"], FEW).table.set_index("group")
    test = table[table["split"] == "test"]
    for name, rows in test.groupby("density"):
        row = found.loc[str(name)]
        assert row["auroc"] == pytest.approx(roc_auc_score(rows["label"], rows["probability"]))
        assert row["auroc_ci_low"] < row["auroc"] < row["auroc_ci_high"]
        assert (row["samples"], row["patients"]) == (len(rows), rows["patient_id"].nunique())


def test_a_group_in_which_the_scores_mean_nothing_has_a_significant_gap(table: pd.DataFrame) -> None:
    from tests.evaluation.assessment.conftest import make_table

    large = make_table(900, gain=3)
    noise = np.random.default_rng(2).normal(size=len(large))
    logit = large["logit"].where(large["density"] != "C", noise)
    found = subgroups(
        level(large.assign(logit=logit, probability=1 / (1 + np.exp(-logit)))), ["density"], FEW
    )
    gap = found.gaps.iloc[0]
    assert (gap["lowest"], gap["column"]) == ("C", "density")
    assert gap["p_holm"] < 0.05
    assert gap["p_holm"] >= gap["p_value"]
    assert gap["ci_low"] > 0


def test_small_groups_are_marked_and_not_compared(table: pd.DataFrame) -> None:
    rare = table.assign(density=np.where(table["sample_id"].str.endswith("99"), "D", "B"))
    found = subgroups(level(rare), ["density"], FEW)
    assert found.table.set_index("group")["small"].to_dict() == {"B": False, "D": True}
    assert found.gaps.empty


def test_ages_become_bands_and_other_numbers_quarters(table: pd.DataFrame) -> None:
    assert grouped(pd.Series([35.0, 40, 59, 70, None], name="age")).tolist()[:4] == [
        "under 40",
        "40-49",
        "50-59",
        "70 and over",
    ]
    assert grouped(pd.Series(np.arange(100.0), name="meta_dose")).nunique() == 4
    assert grouped(pd.Series([1, 2, 1], name="meta_site")).tolist() == ["1", "2", "1"]


def test_a_column_of_ids_makes_no_groups_and_says_so(table: pd.DataFrame) -> None:
    found = subgroups(level(table), ["sample_id"], FEW)
    assert found.table.empty
    assert "sample_id has 150 different values" in found.notes[0]
