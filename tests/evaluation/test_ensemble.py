import numpy as np
import pandas as pd
import pytest

from bcdl.errors import UserError
from bcdl.evaluation.ensemble import ensembled


def table(seed: int = 0, split: tuple[int, int] = (20, 30), fold: int | None = None) -> pd.DataFrame:
    """Predictions of validation samples and of test samples that all seeds share."""
    generator = np.random.default_rng(seed)
    names = [f"v{n}" for n in range(split[0])] + [f"t{n}" for n in range(split[1])]
    logit = generator.normal(size=len(names))
    return pd.DataFrame(
        {
            "sample_id": names,
            "patient_id": [f"p{name}" for name in names],
            "exam_id": "e",
            "laterality": "L",
            "split": ["val"] * split[0] + ["test"] * split[1],
            "fold": pd.array([fold] * len(names), dtype="Int64"),
            "label": pd.array([len(name) % 2 for name in names], dtype="Int64"),
            "logit": logit,
            "probability": 1 / (1 + np.exp(-logit)),
        }
    )


def test_probabilities_are_averaged_by_sample_whatever_the_order() -> None:
    first, second = table(0), table(1)
    found = ensembled({"a": first, "b": second.sample(frac=1, random_state=0)})
    merged = first.merge(second, on="sample_id", suffixes=("_a", "_b")).set_index("sample_id")
    whole = found.table.set_index("sample_id")
    expected = merged[["probability_a", "probability_b"]]
    np.testing.assert_allclose(whole["probability"], expected.mean(axis=1).loc[whole.index])
    np.testing.assert_allclose(whole["disagreement"], expected.std(axis=1, ddof=0).loc[whole.index])
    np.testing.assert_allclose(1 / (1 + np.exp(-whole["logit"])), whole["probability"])
    assert (whole["mutual_information"] >= 0).all()
    assert found.notes == ()
    assert found.table["split"].value_counts().to_dict() == {"test": 30, "val": 20}


def test_what_a_members_own_calibrator_made_does_not_count() -> None:
    plain = {"a": table(0), "b": table(1)}
    calibrated = {name: each.assign(probability=0.5) for name, each in plain.items()}
    pd.testing.assert_frame_equal(ensembled(plain).table, ensembled(calibrated).table)


def test_validation_samples_of_one_member_each_are_pooled_and_the_reader_is_told() -> None:
    first, second = table(0), table(1)
    other = second["split"] == "val"
    second.loc[other, "sample_id"] = "w" + second["sample_id"][other].str[1:]
    found = ensembled({"a": first, "b": second})
    validation = found.table[found.table["split"] == "val"].set_index("sample_id")
    assert len(validation) == 40
    assert validation["disagreement"].isna().all()
    assert validation.loc["w3", "logit"] == pytest.approx(second.set_index("sample_id").loc["w3", "logit"])
    assert not found.table[found.table["split"] == "test"]["disagreement"].isna().any()
    assert "one member alone" in found.notes[0]


def test_validation_samples_of_some_members_are_averaged_over_those() -> None:
    second = table(1).iloc[10:].reset_index(drop=True)
    found = ensembled({"a": table(0), "b": second})
    assert "1.5 of 2 on average" in found.notes[0]
    assert found.table["sample_id"].is_unique


def test_members_without_validation_samples_have_test_samples_alone() -> None:
    found = ensembled({"a": table(0, (0, 30)), "b": table(1, (0, 30))})
    assert set(found.table["split"]) == {"test"}
    assert found.notes == ()


def test_several_classes_are_averaged_too() -> None:
    members = {}
    for seed in (0, 1, 2):
        scores = np.random.default_rng(seed).normal(size=(50, 3))
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        known = table(seed).drop(columns=["logit", "probability"])
        columns = {f"logit_{k}": scores[:, k] for k in range(3)} | {
            f"probability_{k}": shares[:, k] for k in range(3)
        }
        members[str(seed)] = known.assign(**columns)
    whole = ensembled(members).table
    mean = sum(each["probability_1"] for each in members.values()) / 3
    np.testing.assert_allclose(whole["probability_1"], mean)
    np.testing.assert_allclose(whole[[f"probability_{k}" for k in range(3)]].sum(axis=1), 1)


def test_other_folds_leave_the_fold_open() -> None:
    found = ensembled({"a": table(0, fold=0), "b": table(1, fold=1)})
    assert found.table["fold"].isna().all()
    assert ensembled({"a": table(0, fold=1), "b": table(1, fold=1)}).table["fold"].eq(1).all()


def folded(fold: int) -> pd.DataFrame:
    found = table(fold, fold=fold)
    return found.assign(sample_id=found["sample_id"] + f"-{fold}")


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"a": table()}, "two or more members of an ensemble, found 1"),
        ({"a": table(), "b": table(split=(20, 25))}, "25 of both a and b, 5 of the first alone and 0"),
        ({"a": table(), "b": table(split=(20, 0))}, "found 0 of both a and b, 30 of the first alone"),
        ({"a": folded(0), "b": folded(1)}, "there is nothing to average: judge each of them on other data"),
        ({"a": table(), "b": table().assign(label=1)}, "the same labels of every member"),
        ({"a": table(), "b": table().drop(columns="logit")}, "expected logits among the predictions of b"),
        (
            {
                "a": table(),
                "b": table().rename(columns={"logit": "logit_0"}).assign(logit_1=0.0, logit_2=0.0),
            },
            "numbers of classes: a 2, b 3",
        ),
    ],
)
def test_members_that_cannot_be_averaged_are_refused(members: dict[str, pd.DataFrame], told: str) -> None:
    with pytest.raises(UserError, match=told):
        ensembled(members)
