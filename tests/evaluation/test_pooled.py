from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.exceptions import UndefinedMetricWarning

from bcdl.errors import UserError
from bcdl.evaluation import aggregate
from bcdl.evaluation.pooled import pooled, summary
from bcdl.metrics import youden_threshold
from bcdl.scores import METRICS

OF_FOLD = 15  # patients, of two breasts each


def patients_of(fold: int | None) -> pd.DataFrame:
    """The samples of one run: its fold's patients in test, ten others in val."""
    place = fold or 0
    tested = np.arange(place * OF_FOLD, (place + 1) * OF_FOLD)
    number = np.repeat(np.concatenate([np.arange(10) + 100 * (place + 1), tested]), 2)
    side = np.array(["L", "R"] * (len(number) // 2))
    return pd.DataFrame(
        {
            "sample_id": [f"p{patient}{letter}" for patient, letter in zip(number, side, strict=True)],
            "patient_id": [f"p{patient}" for patient in number],
            "exam_id": [f"e{patient}" for patient in number],
            "laterality": side,
            "split": np.where(number < 100, "test", "val"),
            "fold": pd.array([fold] * len(number), dtype="Int64"),
            "label": pd.array(number % 3, dtype="Int64"),
        }
    )


def run(fold: int | None, seed: int = 0, shift: float = 0.0) -> pd.DataFrame:
    """What a run with two classes predicts."""
    table = patients_of(fold)
    table["label"] = (table["label"] == 0).astype("Int64")
    noise = np.random.default_rng([fold or 0, seed]).normal(size=len(table))
    logit = table["label"].to_numpy(float) + noise + shift
    return table.assign(logit=logit, probability=1 / (1 + np.exp(-logit)))


def run_of_three(fold: int, seed: int = 0) -> pd.DataFrame:
    """What a run with three classes predicts."""
    table = patients_of(fold)
    drawn = np.random.default_rng([fold, seed]).random((len(table), 3))
    shares = drawn + np.eye(3)[table["label"].to_numpy(int)]
    shares /= shares.sum(axis=1, keepdims=True)
    return table.assign(**{f"probability_{k}": shares[:, k] for k in range(3)})


def answers(table: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    rows = table[table["split"] == "test"]
    return rows["label"].to_numpy(int), rows["probability"].to_numpy(float)


def of(tables: Sequence[pd.DataFrame], threshold: str | float = 0.5, unit: str = "breast") -> pd.DataFrame:
    found = summary(tables, unit=unit, threshold=threshold, rule="mean")
    return found.set_index("metric")


def test_every_test_sample_of_the_folds_stands_in_the_pool_once() -> None:
    tables = [run(fold) for fold in (2, 0, 1)]
    pool = pooled(tables)
    assert pool["sample_id"].is_unique
    assert set(pool["split"]) == {"test"}
    assert pool["fold"].tolist() == sorted(pool["fold"])
    together = pd.concat(tables).query("split == 'test'").set_index("sample_id")
    expected = together.loc[pool["sample_id"], pool.columns[1:].tolist()].reset_index()
    pd.testing.assert_frame_equal(pool, expected, check_index_type=False)


def test_the_probabilities_of_several_seeds_are_averaged() -> None:
    tables = [run(fold, seed) for seed in (0, 1, 2) for fold in (0, 1)]
    pool = pooled(tables)
    assert pool["sample_id"].is_unique
    assert "logit" not in pool
    mean = pd.concat(tables).query("split == 'test'").groupby("sample_id")["probability"].mean()
    assert pool["probability"].to_numpy() == pytest.approx(mean[pool["sample_id"]].to_numpy())


def test_seeds_without_folds_are_pooled_to_their_ensemble() -> None:
    pool = pooled([run(None, 0), run(None, 1)])
    assert len(pool) == 2 * OF_FOLD
    assert pool["fold"].isna().all()


def test_the_pool_does_not_depend_on_the_order_of_the_rows() -> None:
    tables = [run(fold, seed) for fold in (0, 1) for seed in (0, 1)]
    shuffled = [table.sample(frac=1, random_state=number) for number, table in enumerate(tables)]
    in_order = [pooled(each).sort_values("sample_id", ignore_index=True) for each in (tables, shuffled)]
    pd.testing.assert_frame_equal(*in_order)


def test_mean_and_sd_are_those_of_the_runs() -> None:
    tables = [run(fold, seed) for fold in (0, 1, 2) for seed in (0, 1)]
    found = of(tables, threshold=0.6)
    expected = {
        "auroc": [metrics.roc_auc_score(*answers(table)) for table in tables],
        "f1": [metrics.f1_score(answers(table)[0], answers(table)[1] >= 0.6) for table in tables],
    }
    for name, values in expected.items():
        assert found.loc[name, "mean"] == pytest.approx(np.mean(values))
        assert found.loc[name, "sd"] == pytest.approx(np.std(values, ddof=1))
        assert found.loc[name, "n"] == 6


def test_pooled_metrics_are_those_of_the_pooled_predictions() -> None:
    tables = [run(fold) for fold in (0, 1, 2)]
    labels, shares = answers(pooled(tables))
    found = of(tables, threshold=0.6)["pooled"]
    assert found["auroc"] == pytest.approx(metrics.roc_auc_score(labels, shares))
    assert found["average_precision"] == pytest.approx(metrics.average_precision_score(labels, shares))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(labels, shares))
    assert found["loss"] == pytest.approx(metrics.log_loss(labels, shares))
    assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(labels, shares >= 0.6))
    assert found["sensitivity"] == pytest.approx(metrics.recall_score(labels, shares >= 0.6))


def test_each_fold_is_decided_at_its_own_threshold() -> None:
    tables = [run(0, shift=-3), run(1), run(2, shift=3)]
    decisions = []
    for table in tables:
        val = table[table["split"] == "val"]
        cut = youden_threshold(val["label"].to_numpy(int), val["probability"].to_numpy(float))
        decisions.append(answers(table)[1] >= cut)
    labels = np.concatenate([answers(table)[0] for table in tables])
    accuracy = metrics.balanced_accuracy_score(labels, np.concatenate(decisions))
    found = of(tables, threshold="youden")
    assert found.loc["balanced_accuracy", "pooled"] == pytest.approx(accuracy)
    assert found.loc["balanced_accuracy", "pooled"] > of(tables)["pooled"]["balanced_accuracy"]


def test_the_threshold_of_averaged_predictions_is_fitted_on_averaged_validation_predictions() -> None:
    tables = [run(0, seed) for seed in (0, 1, 2)]
    mean = run(0).set_index("sample_id").drop(columns="logit")
    mean["probability"] = pd.concat(tables).groupby("sample_id")["probability"].mean()
    ensemble = of([mean.reset_index()], threshold="youden")["pooled"]
    assert of(tables, threshold="youden")["pooled"].to_dict() == pytest.approx(ensemble.to_dict())


def test_folds_that_are_calibrated_differently_lower_the_pooled_auroc_alone() -> None:
    even, uneven = (of([run(0), run(1, shift=shift)]).loc["auroc"] for shift in (0, 6))
    assert uneven["mean"] == pytest.approx(even["mean"])
    assert uneven["pooled"] < even["pooled"] - 0.05


def test_coarser_levels_are_those_that_join_samples() -> None:
    tables = [run(fold) for fold in (0, 1, 2)]
    found = of(tables)
    assert found.index.tolist() == [
        f"{level}{name}" for level in ("", "exam/", "patient/") for name in METRICS
    ]
    labels, shares = answers(aggregate(pooled(tables), "patient"))
    assert len(labels) == 3 * OF_FOLD
    assert found.loc["patient/auroc", "pooled"] == pytest.approx(metrics.roc_auc_score(labels, shares))
    assert of(tables, unit="patient").index.tolist() == list(METRICS)


def test_several_classes_need_no_threshold() -> None:
    tables = [run_of_three(fold, seed) for fold in (0, 1) for seed in (0, 1)]
    pool = pooled(tables)
    labels = pool["label"].to_numpy(int)
    shares = pool[[f"probability_{k}" for k in range(3)]].to_numpy(float)
    found = of(tables)["pooled"]
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, shares.argmax(axis=1)))
    assert found["auroc"] == pytest.approx(metrics.roc_auc_score(labels, shares, multi_class="ovr"))
    assert found["f1"] == pytest.approx(metrics.f1_score(labels, shares.argmax(axis=1), average="macro"))


def test_a_fold_without_positives_counts_in_the_pool_alone() -> None:
    without = run(1)
    without.loc[without["split"] == "test", "label"] = 0
    tables = [run(0), without, run(2)]
    with pytest.warns(UndefinedMetricWarning, match="class 1 does not occur"):
        found = of(tables).loc["auroc"]
    each = [metrics.roc_auc_score(*answers(table)) for table in (tables[0], tables[2])]
    assert (found["mean"], found["n"]) == (pytest.approx(np.mean(each)), 2)
    assert found["pooled"] == pytest.approx(metrics.roc_auc_score(*answers(pooled(tables))))


def test_one_run_has_no_sd() -> None:
    found = of([run(0)])
    assert found["sd"].isna().all()
    assert found["mean"].to_dict() == pytest.approx(found["pooled"].to_dict())


def test_folds_that_share_a_patient_are_refused() -> None:
    other = run(0).assign(fold=pd.array([1] * len(run(0)), dtype="Int64"))
    with pytest.raises(UserError, match="every patient in one fold, found 15 in several, such as p0"):
        pooled([run(0), other])


def test_seeds_of_a_fold_that_differ_in_samples_or_labels_are_refused() -> None:
    relabelled = run(0, 1).assign(label=lambda table: 1 - table["label"])
    for other in (run(0, 1).iloc[:-1], relabelled):
        with pytest.raises(UserError, match="same samples and labels in the 2 tables of fold 0"):
            pooled([run(0), other])


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ([], "one or more runs, found none"),
        ([run(0), run(None)], "some of a cross-validation and some without folds"),
        ([pd.concat([run(0), run(1)])], "one fold a table, found 2"),
        ([run(0), run(1).query("split == 'val'")], "test predictions in every table"),
    ],
    ids=["none", "mixed", "pooled already", "not tested"],
)
def test_what_cannot_be_pooled_is_refused(tables: list[pd.DataFrame], words: str) -> None:
    with pytest.raises(UserError, match=words):
        pooled(tables)
