import numpy as np
import pytest
from sklearn import metrics

from bcdl.metrics import auroc, average_precision, precision_recall_curve, roc_curve, youden_threshold
from bcdl.metrics.ranking import Ranking, weighted_auroc, weighted_average_precision, weighted_partial_auroc


def ranked(levels: int, seed: int = 0, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, n)
    return labels, np.round(np.clip(generator.normal(0.4 + 0.2 * labels, 0.2), 0, 1) * levels) / levels


@pytest.mark.parametrize("levels", [5, 10**9], ids=["with ties", "without ties"])
def test_areas_agree_with_scikit_learn(levels: int) -> None:
    labels, scores = ranked(levels)
    assert auroc(labels, scores) == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert average_precision(labels, scores) == pytest.approx(metrics.average_precision_score(labels, scores))


@pytest.mark.parametrize("levels", [5, 10**9], ids=["with ties", "without ties"])
def test_curves_agree_with_scikit_learn(levels: int) -> None:
    labels, scores = ranked(levels)
    roc, (x, y, thresholds) = (
        roc_curve(labels, scores),
        metrics.roc_curve(labels, scores, drop_intermediate=False),
    )
    assert roc.x == pytest.approx(x)
    assert roc.y == pytest.approx(y)
    assert roc.thresholds == pytest.approx(thresholds)
    curve = precision_recall_curve(labels, scores)
    precision, recall, _ = metrics.precision_recall_curve(labels, scores)
    assert curve.x == pytest.approx(recall[::-1])
    assert curve.y == pytest.approx(precision[::-1])


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_leaves_the_areas_undefined(label: int) -> None:
    labels, scores = np.full(3, label), np.array([0.1, 0.5, 0.2])
    assert np.isnan(auroc(labels, scores))
    assert np.isnan(average_precision(labels, scores))
    assert np.isnan(youden_threshold(labels, scores))


def test_youden_threshold_lies_between_the_scores_that_it_parts() -> None:
    assert youden_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9])) == pytest.approx(0.4)


def test_of_equally_good_youden_thresholds_the_highest_is_taken() -> None:
    assert youden_threshold(np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.6, 0.9])) == pytest.approx(0.75)


def test_youden_threshold_is_the_best_of_all_thresholds() -> None:
    labels, scores = ranked(40, seed=3)

    def index(threshold: float) -> float:
        positive = scores >= threshold
        return positive[labels == 1].mean() - positive[labels == 0].mean()

    assert index(youden_threshold(labels, scores)) == pytest.approx(max(index(t) for t in np.unique(scores)))


def test_a_ranking_that_is_upside_down_still_has_a_finite_threshold() -> None:
    assert youden_threshold(np.array([1, 0]), np.array([0.2, 0.7])) == pytest.approx(0.2)


def test_weighted_areas_agree_with_scikit_learn_with_ties() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 200)
    scores = generator.integers(0, 12, 200) / 12
    weights = generator.integers(0, 4, (3, 200)).astype(float)
    counts = Ranking(labels == 1, scores).counts(weights)
    for measured, theirs in (
        (weighted_auroc, metrics.roc_auc_score),
        (weighted_average_precision, metrics.average_precision_score),
    ):
        expected = [theirs(labels, scores, sample_weight=each) for each in weights]
        assert measured(*counts) == pytest.approx(expected)


@pytest.mark.parametrize("max_fpr", [0.05, 0.2, 0.5, 1.0])
def test_the_partial_area_is_scikit_learns(max_fpr: float) -> None:
    generator = np.random.default_rng(0)
    labels = (generator.random(400) < 0.2).astype(int)
    scores = np.round(generator.normal(0.3 + 0.3 * labels, 0.2), 2)
    counts = Ranking(labels == 1, scores).counts(np.ones((1, 400)))
    expected = metrics.roc_auc_score(labels, scores, max_fpr=max_fpr)
    assert weighted_partial_auroc(*counts, max_fpr)[0] == pytest.approx(expected)
