from typing import Any

import numpy as np
import pandas as pd
import pytest

from bcdl.data.samples import UNITS, exam_days, group_samples, years_before_newest
from bcdl.data.table import complete_images
from bcdl.errors import UserError

VIEWS = [("R", "MLO"), ("L", "CC"), ("R", "CC"), ("L", "MLO")]


def cohort(patients: int = 2, exams: int = 2, **changes: Any) -> pd.DataFrame:
    """Four views an exam, exams a year apart and listed newest first, all in train."""
    rows = [
        {
            "patient_id": f"p{patient}",
            "exam_id": f"e{exam}",
            "exam_day": 365.25 * exam,
            "image_id": f"p{patient}e{exam}{side}{view}",
            "laterality": side,
            "view": view,
            "path": "x",
            "split": "train",
            "label": 0,
        }
        for patient in range(patients)
        for exam in reversed(range(exams))
        for side, view in VIEWS
    ]
    return complete_images(pd.DataFrame(rows).assign(**changes))


def image_ids(images: pd.DataFrame, samples: pd.DataFrame, number: int) -> list[str]:
    return images["image_id"].iloc[samples["rows"].iloc[number]].tolist()


@pytest.mark.parametrize(("unit", "count"), [("image", 16), ("breast", 8), ("exam", 4), ("patient", 2)])
def test_every_unit_groups_the_same_table(unit: str, count: int) -> None:
    images = cohort()
    samples = group_samples(images, unit)
    assert len(samples) == count
    assert samples["sample_id"].is_unique
    assert sorted(row for rows in samples["rows"] for row in rows) == list(range(16))
    for sample in samples.itertuples():
        assert set(images["patient_id"].iloc[sample.rows]) == {sample.patient_id}


def test_ids_and_sides_of_each_unit() -> None:
    first = {unit: group_samples(cohort(), unit).iloc[0] for unit in UNITS}
    assert [first[unit]["sample_id"] for unit in UNITS] == ["p0e1RMLO", "p0/e1/R", "p0/e1", "p0"]
    assert [first[unit]["laterality"] for unit in UNITS] == ["R", "R", "NA", "NA"]


def test_views_come_by_side_then_view() -> None:
    images = cohort(exams=1)
    assert image_ids(images, group_samples(images, "exam"), 0) == [
        "p0e0LCC",
        "p0e0LMLO",
        "p0e0RCC",
        "p0e0RMLO",
    ]


def test_a_patient_s_exams_come_in_time_order_and_the_newest_is_named() -> None:
    images = cohort(patients=1, exams=3)
    samples = group_samples(images, "patient")
    assert [image[2:4] for image in image_ids(images, samples, 0)][::4] == ["e0", "e1", "e2"]
    assert samples["exam_id"].tolist() == ["e2"]


def test_exams_without_a_date_come_last_by_id() -> None:
    images = cohort(patients=1, exams=3)
    images["exam_day"] = images["exam_day"].mask(images["exam_id"].isin(["e0", "e1"]))
    assert [image[2:4] for image in image_ids(images, group_samples(images, "patient"), 0)][::4] == [
        "e2",
        "e0",
        "e1",
    ]


def test_one_patient_s_exam_id_may_be_another_s_too() -> None:
    samples = group_samples(cohort(patients=3, exams=1), "exam")
    assert samples["sample_id"].tolist() == ["p0/e0", "p1/e0", "p2/e0"]


@pytest.mark.parametrize("unit", UNITS)
def test_a_sample_s_label_is_the_highest_of_its_labelled_images(unit: str) -> None:
    rng = np.random.default_rng(0)
    images = cohort(patients=10, exams=3)
    images["label"] = pd.Series(rng.integers(-1, 3, len(images)), dtype="Int64").replace(-1, pd.NA)
    for sample in group_samples(images, unit).itertuples():
        labels = images["label"].iloc[sample.rows].dropna()
        assert (pd.isna(sample.label) and labels.empty) or sample.label == labels.max()


def test_samples_without_any_label_stay_without_one() -> None:
    images = cohort(patients=1, label=pd.NA)
    assert group_samples(images, "breast")["label"].isna().all()


def repeated() -> pd.DataFrame:
    images = cohort(patients=1, exams=1)
    extra = images.iloc[[1, 1]].assign(image_id=["again", "unknown"], view=["CC", "NA"], label=1)
    return pd.concat([images, extra], ignore_index=True)


def test_the_first_image_of_a_repeated_view_stays_and_unknown_views_never_repeat() -> None:
    images = repeated()
    samples = group_samples(images, "breast").set_index("laterality")
    assert images["image_id"].iloc[samples["rows"]["L"]].tolist() == ["p0e0LCC", "p0e0LMLO", "unknown"]
    assert samples["label"]["L"] == 1


def test_all_images_of_a_repeated_view_can_stay() -> None:
    images = repeated()
    rows = group_samples(images, "breast", "all").set_index("laterality")["rows"]
    assert images["image_id"].iloc[rows["L"]].tolist() == ["p0e0LCC", "again", "p0e0LMLO", "unknown"]


def test_a_label_on_a_view_left_out_still_counts() -> None:
    images = repeated().iloc[:5]
    samples = group_samples(images, "breast").set_index("laterality")
    assert len(samples["rows"]["L"]) == 2
    assert samples["label"]["L"] == 1


def test_every_image_is_a_sample_of_its_own_also_when_its_view_repeats() -> None:
    assert len(group_samples(repeated(), "image")) == 6


def test_images_without_a_side_make_a_sample_of_their_own() -> None:
    samples = group_samples(cohort(patients=1, exams=1, laterality="NA"), "breast")
    assert samples["laterality"].tolist() == ["NA"]
    assert len(samples["rows"][0]) == 4


def test_only_the_newest_exams_can_be_kept() -> None:
    images = cohort(patients=2, exams=3)
    samples = group_samples(images, "patient", newest_exams=2)
    assert [image[2:4] for image in image_ids(images, samples, 1)][::4] == ["e1", "e2"]
    assert all(image.startswith("p1") for image in image_ids(images, samples, 1))


@pytest.mark.parametrize(
    "arguments", [("study", "first", None), ("exam", "last", None), ("exam", "first", 0)]
)
def test_unknown_choices_are_an_error(arguments: tuple[str, str, int | None]) -> None:
    with pytest.raises(UserError, match="expected data"):
        group_samples(cohort(), *arguments)


def test_a_patient_in_two_splits_is_an_error() -> None:
    images = cohort(patients=1)
    images["split"] = images["split"].where(images.index > 3, "test")
    with pytest.raises(UserError, match="patient p0 in train and test"):
        group_samples(images, "patient")


def test_time_is_years_before_the_newest_exam() -> None:
    days = exam_days(cohort(patients=1, exams=3)).to_numpy()[[8, 4, 0]][None]
    mask = np.array([[True, True, True]])
    assert years_before_newest(days, mask)[0] == pytest.approx([2.0, 1.0, 0.0], abs=0.01)


def test_time_is_zero_in_empty_slots_and_without_a_date() -> None:
    days = np.array([[100, np.nan, 300], [np.nan, np.nan, np.nan]])
    mask = np.array([[True, True, False], [True, False, False]])
    assert (years_before_newest(days, mask) == 0).all()
