import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from bcdl.evaluation.assessment import Settings
from bcdl.evaluation.assessment.members import best_by_validation, members_section
from bcdl.evaluation.ensemble import ensembled


@pytest.fixture
def members(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Three readings of the same samples, each worse than the one before."""
    found = {}
    for number, name in enumerate("abc"):
        logit = table["logit"] + number * np.random.default_rng(number).normal(size=len(table))
        found[name] = table.assign(logit=logit, probability=1 / (1 + np.exp(-logit)))
    return found


def test_members_stand_beside_the_whole_which_is_tested_against_one(members: dict[str, pd.DataFrame]) -> None:
    whole = ensembled(members).table
    section = members_section(
        "E", "text", members, whole, Settings(draws=100), unit="image", name="ensemble", reference="b"
    )
    rows, tests = section.tables["members.csv"], section.tables["ensemble_tests.csv"]
    assert rows["member"].tolist() == ["a", "b", "c", "ensemble"]
    for split, column in (("val", "validation_auroc"), ("test", "auroc")):
        tables = [each[each["split"] == split] for each in (*members.values(), whole)]
        expected = [roc_auc_score(each["label"].astype(int), each["logit"]) for each in tables]
        np.testing.assert_allclose(rows[column], expected)
    first = tests.iloc[0]
    assert first["test"].startswith("DeLong")
    assert first["metric"] == "auroc"
    assert first["difference"] == pytest.approx(first["ensemble"] - first["b"])
    assert first["ci_low"] < first["difference"] < first["ci_high"]


def test_the_best_member_is_that_by_validation_never_by_test(members: dict[str, pd.DataFrame]) -> None:
    swapped = {name: each.copy() for name, each in members.items()}
    test = swapped["c"]["split"] == "test"
    swapped["c"].loc[test, "logit"] = swapped["c"].loc[test, "label"].astype(float)
    assert best_by_validation(swapped) == "a"
    assert best_by_validation({name: each[each["split"] == "test"] for name, each in members.items()}) == "a"
