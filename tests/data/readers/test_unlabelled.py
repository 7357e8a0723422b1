"""A manifest of new images: a path is enough, and what nobody knows of them is not read."""

from pathlib import Path

import pandas as pd
import pytest

from bcdl.data.readers.unlabelled import Unlabelled
from bcdl.errors import UserError


def sheet(folder: Path, **columns: list[object]) -> Path:
    file = folder / "new.csv"
    pd.DataFrame({"path": ["a.png", "b.png"], **columns}).to_csv(file, index=False)
    return file


def test_without_patients_each_image_is_one(tmp_path: Path) -> None:
    images = Unlabelled(sheet(tmp_path)).read().images
    assert images["patient_id"].tolist() == images["image_id"].tolist() == ["a.png", "b.png"]


def test_where_samples_join_images_patients_are_required(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a column 'patient_id', found none: the run's samples join"):
        Unlabelled(sheet(tmp_path), whole_patients=True).read()


def test_labels_are_not_read_whatever_they_are(tmp_path: Path) -> None:
    file = sheet(tmp_path, label=["unheard of", None], split=["weekend", "val"], patient_id=["p", "q"])
    images = Unlabelled(file).read().images
    assert images["label"].isna().all()
    assert (images["split"] == "NA").all()
    assert images["patient_id"].tolist() == ["p", "q"]


def test_dates_tell_exams_apart(tmp_path: Path) -> None:
    file = sheet(tmp_path, patient_id=["p", "p"], exam_date=["2020-01-01", "2022-01-01"])
    images = Unlabelled(file, whole_patients=True).read().images
    assert images["exam_id"].nunique() == 2
    assert images["exam_day"].tolist() == [0, 731]
