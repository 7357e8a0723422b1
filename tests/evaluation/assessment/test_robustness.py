import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from bcdl.evaluation.assessment import Settings, fitted_calibrator, with_probabilities
from bcdl.evaluation.assessment.robustness import Condition, robustness_section, robustness_table

NOISE = [Condition("noise", severity, f"SD {severity}") for severity in (1, 2)]


def shaken(table: pd.DataFrame, by: float) -> pd.DataFrame:
    test = table[table["split"] == "test"]
    logit = test["logit"] + by * np.random.default_rng(0).normal(size=len(test))
    return test.assign(logit=logit, probability=1 / (1 + np.exp(-logit)))


@pytest.fixture
def shifted(table: pd.DataFrame) -> dict[Condition, pd.DataFrame]:
    return {each: shaken(table, 3.0 * each.severity) for each in NOISE}


def test_each_condition_has_its_auroc_and_the_difference_to_the_untouched(
    table: pd.DataFrame, shifted: dict[Condition, pd.DataFrame]
) -> None:
    found, threshold = robustness_table(table, shifted, Settings(draws=200))
    assert threshold == 0.5
    assert found["severity"].tolist() == [0, 1, 2]
    plain = table[table["split"] == "test"]
    areas = [roc_auc_score(each["label"].astype(int), each["logit"]) for each in (plain, *shifted.values())]
    np.testing.assert_allclose(found["auroc"], areas)
    np.testing.assert_allclose(found["difference"][1:], np.array(areas[1:]) - areas[0])
    assert found["difference"].isna().tolist() == [True, False, False]
    assert (found["difference_ci_low"][1:] < found["difference"][1:]).all()


def test_nothing_is_fitted_again(table: pd.DataFrame, shifted: dict[Condition, pd.DataFrame]) -> None:
    settings = Settings(draws=20, threshold="youden", calibration="platt")
    found, threshold = robustness_table(table, shifted, settings)
    calibrator = fitted_calibrator(table, "platt")
    for row, each in zip(found.to_dict("records")[1:], shifted.values(), strict=True):
        judged = with_probabilities(each, calibrator)
        called = judged["probability"] >= threshold
        assert row["sensitivity"] == pytest.approx(called[judged["label"] == 1].mean())
        assert row["specificity"] == pytest.approx(1 - called[judged["label"] == 0].mean())


def test_samples_that_did_not_change_differ_by_nothing(table: pd.DataFrame) -> None:
    same = {NOISE[0]: table[table["split"] == "test"].sample(frac=1, random_state=0)}
    row = robustness_table(table, same, Settings(draws=50))[0].iloc[1]
    assert row["difference"] == row["difference_ci_low"] == row["difference_ci_high"] == 0


def test_the_section_has_table_curve_and_what_was_left_out(
    table: pd.DataFrame, shifted: dict[Condition, pd.DataFrame]
) -> None:
    found, threshold = robustness_table(table, shifted, Settings(draws=20))
    section = robustness_section(found, threshold, ["missing_view does not apply."])
    assert section.tables.keys() == {"robustness.csv"}
    assert section.pictures["figures/robustness.png"].startswith(b"\x89PNG")
    assert "0.500" in section.text
    assert section.text.endswith("missing_view does not apply.")
    assert not robustness_section(found, None, figures=False).pictures


def test_several_classes_are_judged_without_a_threshold() -> None:
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(90, 3))
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    frame = pd.DataFrame(
        {f"logit_{k}": scores[:, k] for k in range(3)} | {f"probability_{k}": shares[:, k] for k in range(3)}
    )
    frame = frame.assign(
        sample_id=[str(n) for n in range(90)],
        patient_id=[str(n) for n in range(90)],
        split=["val", "test", "test"] * 30,
        label=pd.array(generator.integers(0, 3, 90), dtype="Int64"),
    )
    test = frame[frame["split"] == "test"]
    found, threshold = robustness_table(frame, {NOISE[0]: test}, Settings(draws=20))
    assert threshold is None
    assert found["difference"][1] == 0
    assert "threshold" not in robustness_section(found, threshold, figures=False).text


def test_an_auroc_without_interval_or_value_is_drawn_too(
    table: pd.DataFrame, shifted: dict[Condition, pd.DataFrame]
) -> None:
    one_class = table.assign(label=table["label"].where(table["split"] == "val", 0))
    others = {each: one.assign(label=0) for each, one in shifted.items()}
    found, threshold = robustness_table(one_class, others, Settings(draws=20))
    assert found["auroc"].isna().all()
    assert robustness_section(found, threshold, []).pictures["figures/robustness.png"]
