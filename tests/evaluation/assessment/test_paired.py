import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.contingency_tables import mcnemar

from bcdl.errors import UserError
from bcdl.evaluation.assessment import LevelAssessment, Settings, assess, paired_tests

FEW = Settings(draws=300)


def level(table: pd.DataFrame) -> LevelAssessment:
    return assess(table, "image", FEW).levels[0]


def worse(table: pd.DataFrame) -> pd.DataFrame:
    logit = table["logit"] + np.random.default_rng(9).normal(0, 3, len(table))
    return table.assign(logit=logit, probability=1 / (1 + np.exp(-logit)))


def test_a_better_reading_is_told_from_a_worse_one_by_every_test(table: pd.DataFrame) -> None:
    found = {each.name: each for each in paired_tests(level(table), level(worse(table)))}
    for name in ("delong_auroc", "bootstrap_auroc", "bootstrap_brier", "mcnemar_accuracy"):
        assert found[name].test.p_value < 0.05
    assert found["delong_auroc"].first > found["delong_auroc"].second
    delong, drawn = (found[f"{kind}_auroc"].test.difference for kind in ("delong", "bootstrap"))
    assert delong is not None
    assert drawn is not None
    assert delong.value == pytest.approx(drawn.value)
    assert delong.low == pytest.approx(drawn.low, abs=0.03)


def test_mcnemars_p_is_that_of_statsmodels_on_the_same_decisions(table: pd.DataFrame) -> None:
    test, other = (each[each["split"] == "test"] for each in (table, worse(table)))
    right = [(each["probability"] >= 0.5) == (each["label"] == 1) for each in (test, other)]
    counts = pd.crosstab(right[0].to_numpy(), right[1].to_numpy()).to_numpy()
    found = {each.name: each for each in paired_tests(level(table), level(worse(table)))}
    assert found["mcnemar_accuracy"].test.p_value == pytest.approx(mcnemar(counts, exact=True).pvalue)


def test_decisions_are_compared_at_the_operating_points_of_each_reading(table: pd.DataFrame) -> None:
    settings = Settings(draws=20, operating_points=("sensitivity=0.9",))
    good, bad = (assess(each, "image", settings).levels[0] for each in (table, worse(table)))
    found = {each.name: each for each in paired_tests(good, bad)}
    test = good.table[good.table["label"] == 0]
    cut = good.thresholds["sensitivity=0.9"]
    compared = found["mcnemar_sensitivity_0.9/specificity"]
    assert compared.first == pytest.approx((test["probability"] < cut).mean())
    assert compared.first > compared.second
    right = [level.table["probability"] < level.thresholds["sensitivity=0.9"] for level in (good, bad)]
    negative = good.table["label"] == 0
    counts = pd.crosstab(right[0][negative].to_numpy(), right[1][negative].to_numpy()).to_numpy()
    assert compared.test.p_value == pytest.approx(mcnemar(counts, exact=True).pvalue)


def test_a_reading_does_not_differ_from_itself_in_another_order(table: pd.DataFrame) -> None:
    again = level(table.sample(frac=1, random_state=1))
    assert all(each.test.p_value == 1.0 for each in paired_tests(level(table), again))


def test_other_samples_are_refused_with_counts(table: pd.DataFrame) -> None:
    fewer = table[table["sample_id"] != "s0299"]
    with pytest.raises(UserError, match="149 in both, 1 in the first alone and 0 in the second alone"):
        paired_tests(level(table), level(fewer))


def test_other_labels_and_other_patients_are_refused(table: pd.DataFrame) -> None:
    changed = table.assign(label=table["label"].mask(table["sample_id"] == "s0299", 1 - table["label"]))
    with pytest.raises(UserError, match="1 of 150 samples with another"):
        paired_tests(level(table), level(changed))
    with pytest.raises(UserError, match="same patient_id"):
        paired_tests(level(table), level(table.assign(patient_id=table["sample_id"])))
