import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from bcdl.errors import UserError
from bcdl.evaluation.levels import aggregate, fitted_rule
from bcdl.evaluation.rules import Rule, check_rule


def views(patients: int = 60, split: str = "val", seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), 4)
    label = (generator.random(patients) < 0.4)[patient] & (np.arange(4 * patients) % 4 == 0)
    return pd.DataFrame(
        {
            "sample_id": np.arange(4 * patients).astype(str),
            "patient_id": patient,
            "exam_id": "e",
            "laterality": "L",
            "split": split,
            "label": label.astype(int),
            "probability": np.clip(generator.normal(0.3 + 0.3 * label, 0.15), 0.01, 0.99),
        }
    )


def test_noisy_or_is_one_minus_the_product_of_what_is_left() -> None:
    table = views()
    joined = aggregate(table, "patient", Rule("noisy_or"))["probability"]
    expected = 1 - (1 - table["probability"].to_numpy().reshape(-1, 4)).prod(axis=1)
    assert joined.to_numpy() == pytest.approx(expected)


def test_a_certain_sample_makes_noisy_or_certain_and_finite() -> None:
    joined = aggregate(views().assign(probability=1.0), "patient", Rule("noisy_or"))["probability"]
    assert joined.to_numpy() == pytest.approx(np.ones(60))


def test_the_learnt_rule_is_scikit_learns_regression_on_mean_and_maximum() -> None:
    table = views()
    rule = fitted_rule("learnt", table, "patient")
    shares = table["probability"].to_numpy().reshape(-1, 4)
    logits = [np.log(part / (1 - part)) for part in (shares.mean(axis=1), shares.max(axis=1))]
    truth = table["label"].to_numpy().reshape(-1, 4).max(axis=1)
    theirs = LogisticRegression().fit(np.stack(logits, axis=1), truth)
    found = aggregate(table, "patient", rule)["probability"].to_numpy()
    assert found == pytest.approx(theirs.predict_proba(np.stack(logits, axis=1))[:, 1])


def test_what_is_learnt_on_validation_is_applied_to_other_samples() -> None:
    rule = fitted_rule("learnt", views(), "patient")
    other = views(split="test", seed=5)
    assert len(aggregate(other, "patient", rule)) == 60
    assert fitted_rule("learnt", views().assign(label=0), "patient") == Rule("mean")


@pytest.mark.parametrize("name", ["noisy_or", "learnt"])
def test_rules_of_two_classes_refuse_more(name: str) -> None:
    table = (
        views().rename(columns={"probability": "probability_0"}).assign(probability_1=0.2, probability_2=0.1)
    )
    with pytest.raises(UserError, match=f"evaluate.aggregate={name} joins probabilities of two classes"):
        aggregate(table, "patient", fitted_rule(name, table, "patient"))


def test_an_unknown_rule_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"noisy_or, learnt, found 'noisyor'.*noisy_or"):
        check_rule("noisyor")


def test_groups_have_ids_and_keep_splits_apart() -> None:
    both = pd.concat([views(3), views(3, split="test")])
    joined = aggregate(both, "breast")
    assert joined["sample_id"].tolist()[:2] == ["0/e/L", "1/e/L"]
    assert joined["split"].value_counts().to_dict() == {"val": 3, "test": 3}
