import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association as reference

from bcdl.data.audit.association import POOLED, association


def test_it_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    groups = pd.Series(rng.choice(["a", "b", "c"], 300))
    outcomes = pd.Series(rng.random(300) < groups.map({"a": 0.2, "b": 0.3, "c": 0.5}))
    counts = pd.crosstab(groups, outcomes).to_numpy()
    found = association(groups, outcomes)
    assert found is not None
    assert found.p == pytest.approx(chi2_contingency(counts, correction=False).pvalue)
    assert found.cramers_v == pytest.approx(reference(counts, method="cramer"))
    assert found.groups["positives"].tolist() == counts[:, 1].tolist()
    assert found.groups["prevalence"].tolist() == pytest.approx(counts[:, 1] / counts.sum(axis=1))


def test_groups_that_are_too_small_for_the_test_are_pooled() -> None:
    groups = pd.Series(["a"] * 40 + ["b"] * 40 + [f"rare {number}" for number in range(20)])
    outcomes = pd.Series([True, False] * 50)
    found = association(groups, outcomes)
    assert found is not None
    assert found.groups["group"].tolist() == ["a", "b", POOLED]
    assert found.groups["patients"].tolist() == [40, 40, 20]


@pytest.mark.parametrize(
    ("groups", "outcomes"),
    [
        (["a"] * 50, [True, False] * 25),
        (["a", "b"] * 25, [True] * 50),
        ([None] * 50, [True, False] * 25),
        (["a", "b"], [True, False]),
        ([], []),
    ],
)
def test_there_is_no_association_without_something_to_compare(
    groups: list[str | None], outcomes: list[bool]
) -> None:
    assert association(pd.Series(groups, dtype=object), pd.Series(outcomes, dtype=bool)) is None
