import numpy as np
import pandas as pd
import pytest

from bcdl.data.splits import assign_folds, check_folds, make_fold, make_splits, resolve_overlap
from bcdl.data.table import complete_images
from bcdl.errors import UserError


def cohort(patients: int = 60, seed: int = 0, split: list[str] | str = "NA") -> pd.DataFrame:
    """Patients with 1 to 6 images each, a quarter of them positive, some unlabelled."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), rng.integers(1, 7, patients))
    frame = pd.DataFrame(
        {
            "patient_id": [f"p{number}" for number in patient],
            "exam_id": "e",
            "image_id": [f"i{row}" for row in range(len(patient))],
            "path": "x",
            "label": pd.array(
                ((patient % 4 == 0) & (rng.random(len(patient)) < 0.7)).astype(int), dtype="Int64"
            ),
            "split": np.array(split)[patient] if isinstance(split, list) else split,
        }
    )
    return complete_images(frame).assign(label=lambda t: t["label"].mask(pd.Series(patient % 10 == 9)))


def split(images: pd.DataFrame, seed: int = 0, val: float = 0.2, test: float = 0.2) -> pd.DataFrame:
    return make_splits(images, val_fraction=val, test_fraction=test, seed=seed)


@pytest.mark.parametrize("seed", range(20))
def test_a_patient_never_crosses_splits(seed: int) -> None:
    images = split(cohort(patients=12 + 7 * seed, seed=seed), seed)
    assert (images.groupby("patient_id")["split"].nunique() == 1).all()
    assert set(images["split"]) == {"train", "val", "test"}


@pytest.mark.parametrize("seed", range(10))
def test_splits_have_their_share_of_every_label(seed: int) -> None:
    images = split(cohort(200, seed), seed)
    patients = images.groupby("patient_id").agg(label=("label", "max"), split=("split", "first"))
    shares = patients.groupby("label")["split"].value_counts(normalize=True)
    for label in (0, 1):
        assert shares[label, "val"] == pytest.approx(0.2, abs=0.02)
        assert shares[label, "test"] == pytest.approx(0.2, abs=0.02)


def test_the_order_of_the_rows_does_not_matter() -> None:
    images = cohort()
    shuffled = images.sample(frac=1, random_state=1).reset_index(drop=True)
    by_image = split(images).set_index("image_id")["split"]
    assert split(shuffled).set_index("image_id")["split"].sort_index().equals(by_image.sort_index())


def test_the_seed_decides() -> None:
    images = cohort()
    assert split(images, 3)["split"].equals(split(images, 3)["split"])
    assert not split(images, 3)["split"].equals(split(images, 4)["split"])


def test_a_data_set_keeps_its_own_splits() -> None:
    own = (["train"] * 2 + ["val", "test"]) * 15
    images = cohort(60, split=own)
    assert split(images)["split"].tolist() == images["split"].tolist()


def test_a_missing_val_split_is_drawn_from_training_patients_alone() -> None:
    images = cohort(60, split=["train"] * 40 + ["test"] * 20)
    made = split(images)
    before = images["split"].to_numpy()
    assert (made["split"][before == "test"] == "test").all()
    assert set(made["split"][before == "train"]) == {"train", "val"}


def test_rows_without_a_split_follow_their_patient_and_patients_without_one_train() -> None:
    images = cohort(60, split=["train"] * 30 + ["val"] * 10 + ["test"] * 10 + ["NA"] * 10)
    first = ~images["patient_id"].duplicated()
    made = split(images.assign(split=images["split"].where(first, "NA")))
    assert (made.groupby("patient_id")["split"].nunique() == 1).all()
    assert (made["split"][images["split"] == "NA"] == "train").all()


def test_external_data_may_be_test_data_alone() -> None:
    assert set(split(cohort(5, split="test"))["split"]) == {"test"}


def test_a_fraction_of_zero_makes_no_split() -> None:
    assert set(split(cohort(), val=0.0, test=0.0)["split"]) == {"train"}


def test_three_positive_patients_are_shared_by_three_splits() -> None:
    images = cohort(100)
    images["label"] = images["patient_id"].isin(["p1", "p2", "p3"]).astype("Int64")
    made = split(images, val=0.1, test=0.1)
    assert set(made["split"][made["label"] == 1]) == {"train", "val", "test"}


def test_too_few_patients_are_an_error() -> None:
    with pytest.raises(UserError, match="enough labelled patients for a test split of 20%, found 2"):
        split(cohort(2))


def test_unlabelled_patients_stay_for_training() -> None:
    images = cohort(40)
    images.loc[images["patient_id"].isin(images["patient_id"].unique()[:20]), "label"] = pd.NA
    done = split(images)
    assert set(done.loc[done["label"].isna(), "split"]) == {"train"}
    assert set(done["split"]) == {"train", "val", "test"}


@pytest.mark.parametrize(("val", "test"), [(-0.1, 0.2), (0.2, 1.0), (0.5, 0.5)])
def test_impossible_fractions_are_an_error(val: float, test: float) -> None:
    with pytest.raises(UserError, match="fraction"):
        split(cohort(), val=val, test=test)


def test_folds_hold_whole_patients_and_even_shares_of_labels() -> None:
    images = cohort(100)
    images = images.assign(fold=assign_folds(images, 5, seed=0))
    patients = images.groupby("patient_id").agg(
        folds=("fold", "nunique"), fold=("fold", "first"), label=("label", "max")
    )
    assert (patients["folds"] == 1).all()
    counts = patients.groupby(["fold", "label"]).size().unstack()
    assert np.ptp(counts.to_numpy(), axis=0).max() <= 1
    assert np.ptp(patients["fold"].value_counts()) <= 1


def test_folds_do_not_depend_on_the_order_of_rows() -> None:
    images = cohort()
    shuffled = images.sample(frac=1, random_state=1)
    folds = pd.Series(assign_folds(images, 4, seed=1), index=images["image_id"])
    assert folds.equals(pd.Series(assign_folds(shuffled, 4, seed=1), index=shuffled["image_id"])[folds.index])


@pytest.mark.parametrize("k", [1, 61])
def test_an_impossible_number_of_folds_is_an_error(k: int) -> None:
    with pytest.raises(UserError, match="folds"):
        assign_folds(cohort(60), k, seed=0)


def rounds(images: pd.DataFrame, folds: int = 5, seed: int = 0, val: float = 0.2) -> list[pd.DataFrame]:
    """The splits of every round of a cross-validation."""
    arguments = {"folds": folds, "val_fraction": val, "seed": seed, "source": "a set"}
    return [make_fold(images, fold=fold, **arguments) for fold in range(folds)]


def in_split(images: pd.DataFrame, split: str) -> set[str]:
    return set(images.loc[images["split"] == split, "patient_id"])


def labels_of(images: pd.DataFrame) -> pd.Series:
    return images.groupby("patient_id")["label"].max()


OWN = (["train"] * 3 + ["val", "test"]) * 12


@pytest.mark.parametrize("own", ["NA", OWN], ids=["no splits", "own splits"])
@pytest.mark.parametrize("seed", range(5))
def test_the_rounds_test_every_labelled_patient_once_but_those_of_the_own_test(
    own: list[str] | str, seed: int
) -> None:
    images = cohort(60, seed, own)
    tested = [patient for made in rounds(images, seed=seed) for patient in in_split(made, "test")]
    labels = labels_of(images)
    expected = set(labels.index[labels.notna()]) - in_split(images, "test")
    assert len(tested) == len(set(tested))
    assert set(tested) == expected


@pytest.mark.parametrize("seed", range(5))
def test_no_patient_is_in_two_splits_of_a_round(seed: int) -> None:
    for made in rounds(cohort(60, seed, OWN), seed=seed):
        assert (made.groupby("patient_id")["split"].nunique() == 1).all()
        assert set(made["split"]) == {"train", "val", "test", "NA"}


def test_the_own_test_patients_are_in_no_split_with_all_their_rows() -> None:
    images = cohort(60, split=OWN)
    reserved = in_split(images, "test")
    first = ~images["patient_id"].duplicated()
    for made in rounds(images.assign(split=images["split"].where(first, "NA"))):
        assert in_split(made, "NA") == reserved


def test_own_train_and_val_splits_are_dissolved() -> None:
    images = cohort(60, split=OWN)
    dissolved = images.assign(split=images["split"].replace("val", "train"))
    for made, same in zip(rounds(images), rounds(dissolved), strict=True):
        assert made["split"].tolist() == same["split"].tolist()


def test_every_round_has_its_share_of_every_label() -> None:
    images = cohort(200)
    labels = labels_of(images).dropna()
    for made in rounds(images):
        splits = made.groupby("patient_id")["split"].first()[labels.index]
        shares = splits.groupby(labels).value_counts(normalize=True)
        for label in (0, 1):
            assert shares[label, "test"] == pytest.approx(0.2, abs=0.02)
            assert shares[label, "val"] == pytest.approx(0.2 * 0.8, abs=0.02)


def test_unlabelled_patients_train_in_every_round() -> None:
    images = cohort(60)
    labels = labels_of(images)
    for made in rounds(images):
        assert set(labels.index[labels.isna()]) <= in_split(made, "train")


def test_the_order_of_the_rows_does_not_matter_to_a_round() -> None:
    images = cohort(60, split=OWN)
    shuffled = images.sample(frac=1, random_state=1)
    for made, other in zip(rounds(images), rounds(shuffled), strict=True):
        assert other["split"][images.index].tolist() == made["split"].tolist()


def test_the_deal_and_the_inner_val_follow_from_the_seed() -> None:
    images = cohort(60)
    assert [made["split"].tolist() for made in rounds(images, seed=3)] == [
        made["split"].tolist() for made in rounds(images, seed=3)
    ]
    assert not any(
        made["split"].equals(other["split"])
        for made, other in zip(rounds(images, seed=3), rounds(images, seed=4), strict=True)
    )


def test_the_inner_val_is_drawn_anew_for_every_fold() -> None:
    first, second, *_ = rounds(cohort(200))
    shared = in_split(first, "val") - in_split(second, "test")
    assert 0 < len(shared & in_split(second, "val")) < len(shared) / 2


def few(positives: int) -> pd.DataFrame:
    images = cohort(40)
    known = images["label"].notna()
    chosen = sorted(images.loc[known, "patient_id"].unique())[:positives]
    return images.assign(label=images["patient_id"].isin(chosen).astype("Int64").where(known))


def test_a_class_of_fewer_patients_than_folds_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    made = rounds(few(3))
    assert "a set: only 3 patients of label 1 for 5 folds" in caplog.text
    assert sum(1 in set(each.loc[each["split"] == "test", "label"]) for each in made) == 3
    assert all(1 in set(each.loc[each["split"] == "train", "label"]) for each in made)


def test_a_class_of_one_patient_cannot_be_cross_validated() -> None:
    with pytest.raises(UserError, match=r"a set: expected 2 or more patients .*1 of label 1"):
        make_fold(few(1), folds=5, fold=0, val_fraction=0.2, seed=0, source="a set")


def test_more_folds_than_patients_outside_the_own_test_are_an_error() -> None:
    images = cohort(60, split=OWN)
    labels = labels_of(images[images["split"] != "test"]).notna().sum()
    assert len(rounds(images, folds=labels)) == labels
    with pytest.raises(UserError, match=f"own test split, {labels}, found {labels + 1}"):
        make_fold(images, folds=labels + 1, fold=0, val_fraction=0.2, seed=0, source="a set")


@pytest.mark.parametrize(
    ("folds", "fold", "words"),
    [
        (5, None, "together, found data.folds=5 and data.fold=null"),
        (None, 0, "together, found data.folds=null and data.fold=0"),
        (5, 5, "from 0 to data.folds - 1 = 4"),
        (5, -1, "from 0 to data.folds - 1 = 4"),
        (5, 1.0, "from 0 to data.folds - 1 = 4"),
        (1, 0, "a number of folds from 2"),
        ("five", 0, "a number of folds from 2"),
        (True, 0, "a number of folds from 2"),
    ],
)
def test_folds_that_cannot_be_numbered_are_refused(folds: int, fold: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        check_folds(folds, fold)


@pytest.mark.parametrize(("folds", "fold"), [(None, None), (2, 0), (2, 1)])
def test_folds_that_can_be_numbered_pass(folds: int | None, fold: int | None) -> None:
    check_folds(folds, fold)


def torn() -> pd.DataFrame:
    """p0 in train and test, p1 in val and test, p2 in train alone, p3 in none."""
    splits = ["train", "test", "NA", "val", "test", "train", "NA"]
    patients = ["p0", "p0", "p0", "p1", "p1", "p2", "p3"]
    rows = {"patient_id": patients, "exam_id": "e", "image_id": range(7), "path": "x", "split": splits}
    return complete_images(pd.DataFrame(rows))


def test_a_patient_in_two_splits_is_an_error_that_names_the_remedy() -> None:
    with pytest.raises(
        UserError, match=r"found 2 in two or more: p0, p1; .*on_patient_overlap=drop_from_train"
    ):
        resolve_overlap(torn(), "error", "a set")


def test_of_many_patients_in_two_splits_five_are_named() -> None:
    patients = [f"p{number}" for number in range(8)] * 2
    rows = {"patient_id": patients, "exam_id": "e", "image_id": range(16), "path": "x"}
    images = complete_images(pd.DataFrame({**rows, "split": ["train"] * 8 + ["test"] * 8}))
    with pytest.raises(UserError, match=r"found 8 .*: p0, p1, p2, p3, p4 and 3 more"):
        resolve_overlap(images, "error", "a set")


def test_patients_in_test_can_lose_their_earlier_splits(caplog: pytest.LogCaptureFixture) -> None:
    kept = resolve_overlap(torn(), "drop_from_train", "a set")
    assert kept.tolist() == [False, True, True, False, True, True, True]
    assert "left out 2 of 7 images, of 2 patients" in caplog.text


def test_patients_in_one_split_are_left_alone() -> None:
    assert resolve_overlap(split(cohort()), "error", "a set").all()
