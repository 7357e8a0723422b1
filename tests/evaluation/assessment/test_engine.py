import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint

from bcdl.errors import UserError
from bcdl.evaluation.assessment import Settings, assess
from bcdl.evaluation.assessment.engine import ON_VALIDATION, ONE_CLASS, judged_rows
from bcdl.metrics import youden_threshold
from bcdl.scores import METRICS

FEW = 200  # draws


def test_values_are_scikit_learns_on_the_test_rows_alone(table: pd.DataFrame) -> None:
    found = assess(table, "image", Settings(draws=FEW)).intervals
    test = table[table["split"] == "test"]
    assert found["auroc"].value == pytest.approx(metrics.roc_auc_score(test["label"], test["probability"]))
    assert found["brier"].value == pytest.approx(metrics.brier_score_loss(test["label"], test["probability"]))
    for name in METRICS:
        assert found[name].low <= found[name].value <= found[name].high
        assert found[name].method == "bootstrap over patients, percentile, 200 draws"
    assert found["auroc_delong"].value == pytest.approx(found["auroc"].value)


def test_every_level_that_joins_samples_is_judged_and_named(table: pd.DataFrame) -> None:
    assessment = assess(table, "image", Settings(draws=FEW))
    assert [level.level for level in assessment.levels] == ["image", "exam", "patient"]  # a breast has one
    assert {"exam/auroc", "patient/auroc"} <= set(assessment.intervals)
    patients = (
        table[table["split"] == "test"].groupby("patient_id").agg({"label": "max", "probability": "mean"})
    )
    expected = metrics.roc_auc_score(patients["label"], patients["probability"])
    assert assessment.intervals["patient/auroc"].value == pytest.approx(expected)


def test_thresholds_are_fitted_on_validation_at_each_level(table: pd.DataFrame) -> None:
    assessment = assess(table, "image", Settings("youden", draws=FEW, operating_points=("sensitivity=0.9",)))
    validation = table[table["split"] == "val"]
    of_samples, *_, of_patients = assessment.levels
    assert of_samples.thresholds["decision"] == youden_threshold(
        validation["label"].to_numpy(np.int64), validation["probability"].to_numpy()
    )
    assert of_patients.thresholds["decision"] != of_samples.thresholds["decision"]
    called = validation["probability"] >= of_samples.thresholds["sensitivity=0.9"]
    assert called[validation["label"] == 1].mean() >= 0.9


def test_shares_have_wilsons_interval_also_where_all_samples_are_right(table: pd.DataFrame) -> None:
    right = table.assign(probability=table["label"].astype(float) * 0.8 + 0.1)
    intervals = assess(right, "image", Settings(draws=20)).intervals
    negatives = int((judged_rows(table)["label"] == 0).sum())
    low, high = proportion_confint(negatives, negatives, method="wilson")
    assert intervals["specificity"].low == 1.0
    assert intervals["specificity_wilson"].value == 1.0
    assert intervals["specificity_wilson"].low == pytest.approx(low)
    assert intervals["specificity_wilson"].high == pytest.approx(high)


def test_an_operating_point_has_bootstrap_and_wilson_intervals(table: pd.DataFrame) -> None:
    level = assess(table, "image", Settings(draws=FEW, operating_points=("youden",), prevalence=0.01)).levels[
        0
    ]
    points = level.points.set_index(["point", "quantity"])
    row = points.loc[("youden", "sensitivity")]
    assert row["ci_low"] < row["value"] < row["ci_high"]
    assert row["wilson_low"] < row["value"] < row["wilson_high"]
    assert points.loc[("youden", "at_prevalence/ppv"), "value"] < points.loc[("youden", "ppv"), "value"]
    assert np.isnan(points.loc[("youden", "cancers_per_1000"), "wilson_low"])


def test_calibration_is_fitted_on_validation_and_applied_to_test() -> None:
    from tests.evaluation.assessment.conftest import make_table

    table = make_table(600)
    over = table.assign(logit=4 * table["logit"], probability=1 / (1 + np.exp(-4 * table["logit"])))
    raw, calibrated = (
        assess(over, "image", Settings(calibration=how, draws=FEW)) for how in ("none", "platt")
    )
    assert calibrated.intervals["ece"].value < raw.intervals["ece"].value / 2
    assert calibrated.intervals["auroc"].value == pytest.approx(raw.intervals["auroc"].value)
    changed = over.assign(label=over["label"].mask(over["split"] == "test", 1 - over["label"]))
    assert (
        assess(changed, "image", Settings(calibration="platt", draws=FEW)).calibrator == calibrated.calibrator
    )


def test_the_order_of_the_rows_changes_nothing(table: pd.DataFrame) -> None:
    shuffled = table.sample(frac=1, random_state=3)
    assert (
        assess(shuffled, "image", Settings(draws=FEW)).intervals
        == assess(table, "image", Settings(draws=FEW)).intervals
    )


def test_without_test_rows_validation_is_judged_and_said_to_be(table: pd.DataFrame) -> None:
    assessment = assess(table[table["split"] == "val"], "image", Settings(draws=FEW))
    assert assessment.notes == (ON_VALIDATION,)
    assert assessment.levels[0].table["split"].unique().tolist() == ["val"]


def test_one_class_is_said_and_leaves_what_needs_two_undefined(table: pd.DataFrame) -> None:
    assessment = assess(table.assign(label=0), "image", Settings(draws=FEW, operating_points=("youden",)))
    assert ONE_CLASS in assessment.notes
    assert np.isnan(assessment.intervals["auroc"].value)
    assert not np.isnan(assessment.intervals["accuracy"].value)


def test_five_samples_and_ties_only_have_values_without_errors(table: pd.DataFrame) -> None:
    few = assess(table.groupby("split").head(5), "image", Settings(draws=FEW))
    assert not np.isnan(few.intervals["accuracy"].value)
    tied = assess(
        table.assign(logit=0.2, probability=0.55), "image", Settings(draws=FEW, calibration="isotonic")
    )
    assert tied.intervals["auroc"].value == 0.5


def test_unlabelled_rows_count_nowhere(table: pd.DataFrame) -> None:
    more = pd.concat([table, table.assign(label=pd.NA, sample_id="u" + table["sample_id"])])
    assert (
        assess(more, "image", Settings(draws=FEW)).intervals
        == assess(table, "image", Settings(draws=FEW)).intervals
    )


def test_several_classes_have_metrics_with_intervals(table: pd.DataFrame) -> None:
    generator = np.random.default_rng(0)
    odds = np.exp(generator.normal(size=(len(table), 3)))
    shares = odds / odds.sum(axis=1, keepdims=True)
    columns = {f"probability_{k}": shares[:, k] for k in range(3)} | {
        f"logit_{k}": np.log(shares[:, k]) for k in range(3)
    }
    several = table.drop(columns=["logit", "probability"]).assign(
        label=generator.integers(0, 3, len(table)), **columns
    )
    assessment = assess(several, "image", Settings(draws=FEW, calibration="temperature"))
    assert set(assessment.levels[0].intervals) == {*METRICS, "accuracy_wilson"}
    assert assessment.levels[0].points.empty


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"threshold": "yuden"}, "evaluate.threshold"),
        ({"aggregate": "median"}, "evaluate.aggregate"),
        ({"calibration": "plat"}, "evaluate.calibration"),
        ({"operating_points": ("recall=0.1",)}, "recall_rate=0.1"),
        ({"prevalence": 5}, "evaluate.prevalence"),
        ({"draws": 0}, "evaluate.draws"),
    ],
)
def test_a_wrong_setting_is_refused(values: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told):
        Settings(**values)  # type: ignore[arg-type]
