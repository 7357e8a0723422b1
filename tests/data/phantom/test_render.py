"""The pictures: orientation, air, density, muscle, and that lesions are drawn where the outlines say."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest

from bcdl.data.phantom import Frame, Recipe, ViewKey, mask, outline, render_view, shown_lesions, view_keys
from bcdl.data.phantom.anatomy import SIDES
from bcdl.data.phantom.cohort import sample_patient

FRAME = Frame(256, 128)
RECIPE = Recipe(
    exams_per_patient=1,
    prevalence=0.5,
    difficulty=0.3,
    one_view_fraction=0.2,
    benign_fraction=0.4,
    summation_fraction=0.3,
    machines=1,
    seed=3,
)
HEALTHY = replace(RECIPE, prevalence=0.0, benign_fraction=0.0, summation_fraction=0.0)
KEYS = list(view_keys(16, 1))


def picture(key: ViewKey, recipe: Recipe = RECIPE) -> np.ndarray:
    return render_view(recipe, FRAME, key).astype(np.float32)


def test_the_chest_wall_is_on_the_left_edge_of_left_breasts_and_on_the_right_edge_of_right_ones() -> None:
    for key in KEYS:
        columns = (picture(key, HEALTHY) > 20).sum(axis=0)
        chest, far = (0, -1) if key.side == "L" else (-1, 0)
        assert columns[chest] > 80
        assert columns[far] == 0


def test_air_is_black_and_tissue_is_not() -> None:
    for key in KEYS:
        pixels = picture(key, HEALTHY)
        corner = pixels[-20:, -30:] if key.side == "L" else pixels[-20:, :30]
        assert corner.max() <= 3
        assert 30 < pixels[pixels > 20].mean() < 170


def test_the_pectoral_muscle_fills_the_upper_chest_corner_of_mlo_alone() -> None:
    for key in KEYS:
        pixels = picture(key, HEALTHY)
        corner = pixels[:20, 2:12] if key.side == "L" else pixels[:20, -12:-2]
        assert (corner.mean() > 100) == (key.view == "MLO")


def test_denser_breasts_are_whiter() -> None:
    white: dict[str, list[float]] = {density: [] for density in "ABCD"}
    for patient in range(60):
        pixels = picture(ViewKey(patient, 0, "L", "CC"), HEALTHY)
        white[sample_patient(HEALTHY, patient).density].append(float((pixels[pixels > 20] > 100).mean()))
    means = [np.mean(white[density]) for density in "ABCD"]
    assert all(low + 0.1 < high for low, high in itertools.pairwise(means))


def test_both_breasts_of_a_patient_are_alike() -> None:
    def blurred(patient: int, side: str) -> np.ndarray:
        pixels = picture(ViewKey(patient, 0, side, "CC"), HEALTHY)  # type: ignore[arg-type]
        return cv2.GaussianBlur(pixels if side == "L" else pixels[:, ::-1], (0, 0), 6.0).ravel()

    lefts, rights = ([blurred(patient, side) for patient in range(12)] for side in SIDES)
    similarity = np.corrcoef(lefts, rights)[:12, 12:]
    same = np.diag(similarity).mean()
    assert same > 0.9
    assert same > similarity.mean() + 0.03


def test_lesions_are_drawn_inside_their_outlines_and_nowhere_else() -> None:
    covered = {}
    for key in KEYS:
        change = np.abs(picture(key) - picture(key, HEALTHY))
        inside = np.zeros(change.shape, bool)
        for lesion, footprint in shown_lesions(RECIPE, FRAME, key).values():
            outlined = mask(outline(footprint, FRAME, key.side), FRAME)
            assert change[outlined].max() > 15, lesion.kind
            inside |= outlined
            covered[lesion.kind] = True
        assert change[inside].sum() >= 0.95 * change.sum()
    assert len(covered) == 4


def test_half_the_size_still_shows_the_lesions() -> None:
    for key in KEYS:
        for _, footprint in shown_lesions(RECIPE, FRAME, key).values():
            halves = [
                cv2.resize(picture(key, recipe), (64, 128), interpolation=cv2.INTER_AREA)
                for recipe in (RECIPE, HEALTHY)
            ]
            outlined = cv2.resize(
                mask(outline(footprint, FRAME, key.side), FRAME).astype(np.uint8), (64, 128)
            )
            assert np.abs(halves[0] - halves[1])[outlined > 0].max() > 8


@pytest.mark.parametrize("machines", [1, 4])
def test_machines_differ_in_tone_alone(machines: int) -> None:
    recipe = replace(HEALTHY, machines=machines)
    patients = [sample_patient(recipe, index) for index in range(30)]
    assert {patient.machine for patient in patients} == set(range(machines))
    assert [patient.breasts for patient in patients] == [
        sample_patient(HEALTHY, index).breasts for index in range(30)
    ]
