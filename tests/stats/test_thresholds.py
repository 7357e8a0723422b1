import numpy as np
import pytest
from sklearn.metrics import roc_curve

from bcdl.errors import UserError
from bcdl.metrics import youden_threshold
from bcdl.stats import Goal


def sample(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = (generator.random(300) < 0.2).astype(np.int64)
    return labels, np.round(np.clip(generator.normal(0.3 + 0.3 * labels, 0.2), 0, 1), 2)


@pytest.mark.parametrize("target", [0.5, 0.9, 0.97])
def test_the_best_point_of_scikit_learns_roc_curve_is_reached(target: float) -> None:
    labels, scores = sample()
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    called = scores >= Goal("sensitivity", target).fit(labels, scores)
    assert called[labels == 0].mean() == pytest.approx(fpr[tpr >= target].min())
    called = scores >= Goal("specificity", target).fit(labels, scores)
    assert called[labels == 1].mean() == pytest.approx(tpr[1 - fpr >= target].max())


@pytest.mark.parametrize("target", [0.001, 0.05, 0.1, 0.5])
def test_no_more_are_called_back_than_the_recall_rate_allows(target: float) -> None:
    labels, scores = sample()
    share = (scores >= Goal("recall_rate", target).fit(labels, scores)).mean()
    assert share <= target
    one_more = np.sort(np.unique(scores[scores < Goal("recall_rate", target).fit(labels, scores)]))[-1]
    assert (scores >= one_more).mean() > target


def test_youden_is_youdens() -> None:
    labels, scores = sample()
    assert Goal.of("youden").fit(labels, scores) == youden_threshold(labels, scores)


def test_a_goal_reads_as_it_was_written() -> None:
    assert str(Goal.of("sensitivity=0.9")) == "sensitivity=0.9"


@pytest.mark.parametrize(
    "text", ["youdn", "sensitivity", "sensitivity=high", "recall_rate=1.5", "youden=0.5", ""]
)
def test_what_is_no_goal_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UserError, match="expected"):
        Goal.of(text)


@pytest.mark.parametrize("goal", ["youden", "sensitivity=0.9"])
def test_without_a_cancer_there_is_no_threshold(goal: str) -> None:
    assert np.isnan(Goal.of(goal).fit(np.zeros(4, dtype=np.int64), np.arange(4.0)))


def test_scores_that_all_tie_are_all_called_or_none() -> None:
    labels, scores = np.array([0, 1, 0, 1]), np.full(4, 0.3)
    assert (scores >= Goal("sensitivity", 0.9).fit(labels, scores)).all()
    assert not (scores >= Goal("recall_rate", 0.5).fit(labels, scores)).any()
