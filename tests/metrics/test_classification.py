import warnings

import numpy as np
import pytest
from sklearn import metrics
from sklearn.exceptions import UndefinedMetricWarning

from bcdl.metrics import classification_metrics, confusion_matrix
from bcdl.scores import METRICS


def predictions(classes: int, seed: int = 0, n: int = 150) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, n)
    if classes == 2:
        return labels, np.round(np.clip(generator.normal(0.4 + 0.2 * labels, 0.2), 0.01, 0.99), 2)
    odds = np.exp(generator.normal(size=(n, classes)) + np.eye(classes)[labels])
    return labels, odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.71])
def test_binary_metrics_agree_with_scikit_learn(threshold: float) -> None:
    labels, shares = predictions(2)
    predicted = shares >= threshold
    assert classification_metrics(labels, shares, threshold) == pytest.approx(
        {
            "auroc": metrics.roc_auc_score(labels, shares),
            "average_precision": metrics.average_precision_score(labels, shares),
            "accuracy": metrics.accuracy_score(labels, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
            "precision": metrics.precision_score(labels, predicted),
            "sensitivity": metrics.recall_score(labels, predicted),
            "specificity": metrics.recall_score(labels, predicted, pos_label=0),
            "f1": metrics.f1_score(labels, predicted),
            "mcc": metrics.matthews_corrcoef(labels, predicted),
            "brier": metrics.brier_score_loss(labels, shares),
            "loss": metrics.log_loss(labels, shares),
        }
    )


@pytest.mark.parametrize("classes", [3, 5])
def test_metrics_of_several_classes_agree_with_scikit_learn(classes: int) -> None:
    labels, shares = predictions(classes)
    predicted, onehot = shares.argmax(axis=1), np.eye(classes, dtype=int)[labels]
    specificities = [metrics.recall_score(labels != k, predicted != k) for k in range(classes)]
    assert classification_metrics(labels, shares) == pytest.approx(
        {
            "auroc": metrics.roc_auc_score(labels, shares, multi_class="ovr", average="macro"),
            "average_precision": metrics.average_precision_score(onehot, shares, average="macro"),
            "accuracy": metrics.accuracy_score(labels, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
            "precision": metrics.precision_score(labels, predicted, average="macro"),
            "sensitivity": metrics.recall_score(labels, predicted, average="macro"),
            "specificity": np.mean(specificities),
            "f1": metrics.f1_score(labels, predicted, average="macro"),
            "mcc": metrics.matthews_corrcoef(labels, predicted),
            "brier": np.mean(np.sum((shares - onehot) ** 2, axis=1)),
            "loss": metrics.log_loss(labels, shares),
        }
    )


@pytest.mark.parametrize("classes", [2, 4])
def test_the_confusion_matrix_agrees_with_scikit_learn(classes: int) -> None:
    labels, shares = predictions(classes)
    predicted = shares >= 0.4 if classes == 2 else shares.argmax(axis=1)
    expected = metrics.confusion_matrix(labels, predicted)
    assert confusion_matrix(labels, shares, 0.4).tolist() == expected.tolist()


def test_unlabelled_rows_count_nowhere() -> None:
    labels, shares = predictions(2)
    padded = np.append(labels, [-1, -1]), np.append(shares, [0.9, 0.1])
    assert classification_metrics(*padded) == classification_metrics(labels, shares)
    assert confusion_matrix(*padded).sum() == len(labels)


def test_one_class_gives_nan_for_what_it_leaves_undefined_and_one_warning() -> None:
    with pytest.warns(UndefinedMetricWarning, match="class 1 does not occur among the labels") as caught:
        found = classification_metrics(np.zeros(4, dtype=int), np.array([0.1, 0.2, 0.6, 0.3]))
    assert len(caught) == 1
    undefined = {name for name, value in found.items() if np.isnan(value)}
    assert undefined == {*METRICS} - {"accuracy", "specificity", "brier", "loss"}
    assert (found["accuracy"], found["specificity"]) == (0.75, 0.75)


def test_positives_only_keep_their_sensitivity() -> None:
    with pytest.warns(UndefinedMetricWarning, match="class 0 does not occur"):
        found = classification_metrics(np.ones(4, dtype=int), np.array([0.1, 0.7, 0.6, 0.8]))
    assert found["sensitivity"] == 0.75
    assert np.isnan([found["auroc"], found["specificity"], found["balanced_accuracy"], found["mcc"]]).all()


def test_no_label_at_all_gives_nan_and_one_warning() -> None:
    with pytest.warns(UndefinedMetricWarning, match="class 0, 1 does not occur") as caught:
        found = classification_metrics(np.array([-1, -1]), np.array([0.1, 0.7]))
    assert len(caught) == 1
    assert np.isnan(list(found.values())).all()


def test_an_absent_class_is_left_out_of_the_mean_with_one_warning() -> None:
    labels, shares = predictions(3)
    kept = labels != 2
    with pytest.warns(UndefinedMetricWarning, match="class 2 does not occur") as caught:
        found = classification_metrics(labels[kept], shares[kept])
    assert len(caught) == 1
    sides = [metrics.roc_auc_score(labels[kept] == k, shares[kept, k]) for k in (0, 1)]
    assert found["auroc"] == pytest.approx(np.mean(sides))


def test_no_predicted_positive_is_zero_precision_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = classification_metrics(np.array([0, 1, 0]), np.array([0.1, 0.2, 0.3]))
    assert (found["precision"], found["f1"], found["mcc"]) == (0, 0, 0)


def test_a_certain_mistake_has_a_finite_loss() -> None:
    labels, shares = np.array([0, 1]), np.array([1.0, 1.0])
    assert classification_metrics(labels, shares)["loss"] == pytest.approx(metrics.log_loss(labels, shares))


def test_the_names_are_those_that_runs_log() -> None:
    assert tuple(classification_metrics(*predictions(2)).keys() ^ METRICS) == ()
