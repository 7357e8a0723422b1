"""The reader: tables, paths, determinism, labels, and that every mistake gets a clear message."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bcdl.data.readers.phantom import Phantom
from bcdl.data.table import ExamTable
from bcdl.errors import UserError

SMALL = (128, 64)


@pytest.fixture(scope="module")
def reader() -> Phantom:
    return Phantom(patients=60, exams_per_patient=2, size=SMALL, seed=5)


@pytest.fixture(scope="module")
def table(reader: Phantom) -> ExamTable:
    return reader.read()


def test_an_exam_has_four_views(table: ExamTable) -> None:
    views = table.images.groupby(["patient_id", "exam_id"])[["laterality", "view"]].apply(
        lambda rows: sorted(map(tuple, rows.to_numpy()))
    )
    assert len(views) == 120
    assert all(v == [("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO")] for v in views)


def test_exams_run_from_old_to_new_one_to_two_years_apart(table: ExamTable) -> None:
    exams = table.images.groupby(["patient_id", "exam_id"])[["exam_day", "age"]].first()
    gaps = exams.groupby("patient_id").diff().dropna()
    assert gaps["exam_day"].between(365, 730).all()
    np.testing.assert_allclose(gaps["age"], gaps["exam_day"] / 365.25, atol=0.11)


def test_prevalence_holds_in_the_newest_exam(table: ExamTable) -> None:
    newest = table.images[table.images["exam_id"].str.endswith("e1")]
    assert newest.groupby("patient_id")["label"].max().mean() == pytest.approx(0.3, abs=0.03)


def test_prevalence_of_zero_and_one_are_exact() -> None:
    for prevalence in (0.0, 1.0):
        images = Phantom(patients=40, prevalence=prevalence, size=SMALL).read().images
        assert (images.groupby("patient_id")["label"].max() == prevalence).all()


def test_both_views_of_a_breast_share_the_label(table: ExamTable) -> None:
    labels = table.images.groupby(["patient_id", "exam_id", "laterality"])["label"]
    assert (labels.nunique() == 1).all()


def test_a_breast_is_malignant_where_a_view_shows_a_malignant_finding(table: ExamTable) -> None:
    found = table.findings.merge(
        table.images[["image_id", "patient_id", "exam_id", "laterality"]], on="image_id"
    )
    shown = found[found["label"] == 1].groupby(["patient_id", "exam_id", "laterality"]).size().index
    labels = table.images.groupby(["patient_id", "exam_id", "laterality"])["label"].max()
    assert set(shown) == set(labels[labels == 1].index)


def test_every_kind_of_finding_and_every_density_occurs(table: ExamTable) -> None:
    kinds = table.findings.groupby("kind")["label"].agg(["min", "max"])
    assert kinds["max"].to_dict() == {
        "calcifications": 1,
        "circumscribed": 0,
        "spiculated": 1,
        "summation": 0,
    }
    assert (kinds["min"] == kinds["max"]).all()
    assert set(table.images["density"]) == {"A", "B", "C", "D"}


def test_masks_fill_their_boxes(reader: Phantom, table: ExamTable) -> None:
    for finding in table.findings.head(60).itertuples():
        rows, columns = np.nonzero(reader.load_mask(finding.mask_path))
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(box, [finding.x0, finding.y0, finding.x1, finding.y1], atol=1.01)


def test_a_view_depends_on_its_path_alone(reader: Phantom) -> None:
    alone = Phantom(patients=8, exams_per_patient=2, size=SMALL, seed=5).load("p000007/e1/R/MLO").pixels
    for path in ("p000007/e0/R/MLO", "p000003/e1/L/CC"):
        reader.load(path)
    np.testing.assert_array_equal(reader.load("p000007/e1/R/MLO").pixels, alone)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(reader)).load("p000007/e1/R/MLO").pixels, alone)


def test_a_longer_cohort_begins_with_the_shorter_one(table: ExamTable) -> None:
    shorter = Phantom(patients=10, exams_per_patient=2, size=SMALL, seed=5).read()
    pd.testing.assert_frame_equal(table.images.head(80), shorter.images)
    pd.testing.assert_frame_equal(table.findings.head(len(shorter.findings)), shorter.findings)


def test_views_breasts_patients_and_seeds_differ(reader: Phantom) -> None:
    paths = ["p000001/e0/L/CC", "p000001/e0/L/MLO", "p000001/e0/R/CC", "p000001/e1/L/CC", "p000002/e0/L/CC"]
    pictures = [reader.load(path).pixels for path in paths]
    pictures.append(Phantom(patients=2, size=SMALL, seed=6).load(paths[0]).pixels)
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


@pytest.mark.parametrize("size", [(256, 128), (128, 64), (100, 90), (224, 224)])
def test_pictures_have_the_size_asked_for(size: tuple[int, int]) -> None:
    reader = Phantom(patients=2, size=size)
    picture = reader.load("p000001/e0/L/MLO").pixels
    assert (picture.shape, picture.dtype) == (size, np.uint8)
    findings = reader.read().findings
    assert (findings[["x0", "y0"]] >= 0).all(axis=None)
    assert (findings["x1"] <= size[1]).all()
    assert (findings["y1"] <= size[0]).all()


def test_fingerprint_changes_with_what_changes_the_pixels(reader: Phantom) -> None:
    same = Phantom(patients=60, exams_per_patient=2, size=SMALL, seed=5)
    harder = Phantom(patients=60, exams_per_patient=2, size=SMALL, seed=5, difficulty=0.6)
    assert same.fingerprint() == reader.fingerprint() != harder.fingerprint()
    changed = [harder, *(Phantom(size=SMALL, seed=5, **{name: 1.5}) for name in ("tone", "noise"))]  # type: ignore[arg-type]
    assert len({each.fingerprint() for each in (reader, *changed)}) == 4


@pytest.mark.parametrize(("tone", "darker"), [(1.7, True), (0.6, False)])
def test_tone_bends_the_grey_levels_of_the_same_patients(tone: float, darker: bool) -> None:
    path = "p000003/e0/L/CC"
    usual, bent = (Phantom(patients=4, size=SMALL, tone=each, noise=0) for each in (1.0, tone))
    first, second = usual.load(path).pixels.astype(float), bent.load(path).pixels.astype(float)
    breast = first > 20
    assert ((second < first) == darker)[breast].mean() > 0.95
    np.testing.assert_allclose(second[breast], 255 * (first[breast] / 255) ** tone, atol=2)
    pd.testing.assert_frame_equal(usual.read().images, bent.read().images)


def test_noise_is_that_many_times_the_usual() -> None:
    silent, usual, loud = (
        Phantom(patients=4, size=SMALL, machines=1, noise=noise).load("p000003/e0/L/CC").pixels.astype(float)
        for noise in (0.0, 1.0, 2.0)
    )
    breast = (silent > 20) & (silent < 150)
    assert (loud - silent)[breast].std() == pytest.approx(2 * (usual - silent)[breast].std(), rel=0.1)


def test_a_size_from_yaml_may_be_a_list() -> None:
    assert Phantom(patients=1, size=[64, 32]).load("p000000/e0/L/CC").pixels.shape == (64, 32)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"patients": 0}, "patients of 1 or more, found 0"),
        ({"exams_per_patient": 0}, "exams_per_patient of 1 or more"),
        ({"machines": 0}, "machines of 1 or more"),
        ({"prevalence": 1.2}, "prevalence between 0 and 1, found 1.2"),
        ({"difficulty": -0.1}, "difficulty between 0 and 1"),
        ({"one_view_fraction": 2}, "one_view_fraction between 0 and 1"),
        ({"size": (16, 8)}, r"size as \(height, width\)"),
        ({"size": (256, 128, 1)}, r"size as \(height, width\)"),
        ({"seed": -1}, "seed of 0 or more"),
        ({"tone": 0}, "tone above 0 and noise of 0 or more, found 0 and 1.0"),
        ({"noise": -1}, "found 1.0 and -1"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Phantom(**arguments)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda reader: reader.load("p1/e0/L/CC"), "a path such as p000012/e0/L/CC, found 'p1/e0/L/CC'"),
        (lambda reader: reader.load("p000060/e0/L/CC"), "one of 60 patients"),
        (lambda reader: reader.load("p000000/e2/L/CC"), "2 exams each"),
        (lambda reader: reader.load_mask("p000000/e0/L/CC#99"), "mask of a lesion that the view shows"),
        (lambda reader: reader.load_mask("p000000/e0/L/CC"), "mask of a lesion that the view shows"),
    ],
)
def test_bad_paths_are_named(reader: Phantom, ask: Callable[[Phantom], object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        ask(reader)
