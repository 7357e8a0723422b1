"""Who is screened and when: patients, their breasts, exams and lesions, all drawn without rendering a pixel.

Patient `i` depends on the recipe and on `i` alone, so a longer cohort begins with the shorter one's patients.
"""

from bisect import bisect
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate

import numpy as np

from bcdl.data.phantom.anatomy import SIDES, VIEWS, Breast, Side, View, other_side, sample_breast
from bcdl.data.phantom.lesions import Kind, Lesion, sample_lesion
from bcdl.data.phantom.projection import Pose

_DENSITIES = ("A", "B", "C", "D")
_DENSITY_BOUNDS = (0.10, 0.50, 0.90)  # cumulative shares of A to D in the United States
_GOLDEN = 0.6180339887498949
_PLAN, _POSE = 0, 1  # random streams


@dataclass(frozen=True)
class Recipe:
    """What governs a cohort; see `bcdl.data.readers.Phantom` for the meaning of each value."""

    exams_per_patient: int
    prevalence: float
    difficulty: float
    one_view_fraction: float
    benign_fraction: float
    summation_fraction: float
    machines: int
    seed: int
    tone: float = 1.0
    noise: float = 1.0


@dataclass(frozen=True)
class Exam:
    """One screening round: its day, the patient's age, how long before the newest round (years)."""

    day: date
    age: float
    before_newest: float


@dataclass(frozen=True, eq=False)
class Patient:
    """One patient: density class, machine number, the exams (oldest first), breasts and lesions by side."""

    density: str
    machine: int
    exams: tuple[Exam, ...]
    breasts: dict[Side, Breast]
    lesions: dict[Side, tuple[Lesion, ...]]

    def lesions_at(self, exam: int, side: Side) -> tuple[Lesion | None, ...]:
        """Return the lesions of a breast as they are at `exam`; None for one not seen then."""
        years = self.exams[exam].before_newest
        grown = (
            lesion.before(years) if lesion.exam in (None, exam) else None for lesion in self.lesions[side]
        )
        return tuple(lesion if lesion is not None and lesion.visible else None for lesion in grown)

    def has_cancer(self, exam: int, side: Side) -> bool:
        """Whether a malignant lesion can be seen in at least one view of that breast at `exam`."""
        if not any(lesion.malignant for lesion in self.lesions[side]):
            return False
        return any(lesion is not None and lesion.malignant for lesion in self.lesions_at(exam, side))


@lru_cache(maxsize=16)
def sample_patient(recipe: Recipe, index: int) -> Patient:
    """Draw patient `index`; lesions are drawn last, so that nothing else depends on them."""
    rng = np.random.default_rng([recipe.seed, index, _PLAN])
    exams = _exams(recipe.exams_per_patient, rng)
    density = _density(exams[-1].age, rng)
    left = sample_breast(density, rng)
    breasts: dict[Side, Breast] = {"L": left, "R": other_side(left, rng)}
    machine = int(rng.integers(recipe.machines))
    cancer_side = SIDES[int(rng.integers(2))] if _has_cancer(recipe, index) else None
    return Patient(
        density=density,
        machine=machine,
        exams=exams,
        breasts=breasts,
        lesions={side: _lesions(recipe, breasts[side], side == cancer_side, rng) for side in SIDES},
    )


def sample_pose(recipe: Recipe, index: int, exam: int, side: Side, view: View) -> Pose:
    """Draw the positioning of one view."""
    stream = [recipe.seed, index, _POSE, exam, SIDES.index(side), VIEWS.index(view)]
    return Pose.sample(np.random.default_rng(stream))


def _has_cancer(recipe: Recipe, index: int) -> bool:
    """Spread the cancers evenly over the indices, by the golden-ratio sequence."""
    return (0.5 + recipe.seed * _GOLDEN**2 + index * _GOLDEN) % 1.0 < recipe.prevalence


def _exams(count: int, rng: np.random.Generator) -> tuple[Exam, ...]:
    newest = date(2016, 1, 1) + timedelta(days=int(rng.integers(9 * 365)))
    age = min(max(rng.normal(58.0, 8.5), 40.0), 79.0)
    gaps = [0, *rng.integers(365, 731, count - 1).tolist()]
    before = list(accumulate(gaps))[::-1]
    return tuple(
        Exam(newest - timedelta(days=days), round(age - days / 365.25, 1), days / 365.25) for days in before
    )


def _density(age: float, rng: np.random.Generator) -> str:
    """Draw a density class; breasts grow fattier with age."""
    rank = rng.random() + (58.0 - age) * 0.008
    return _DENSITIES[bisect(_DENSITY_BOUNDS, rank)]


def _lesions(recipe: Recipe, breast: Breast, cancer: bool, rng: np.random.Generator) -> tuple[Lesion, ...]:
    kinds: list[tuple[Kind, int | None]] = []
    if cancer:
        kinds.append(("spiculated" if rng.random() < 0.6 else "calcifications", None))
    if rng.random() < recipe.benign_fraction:
        kinds.append(("circumscribed", None))
    for exam in range(recipe.exams_per_patient):
        if rng.random() < recipe.summation_fraction:
            kinds.append(("summation", exam))
    return tuple(
        sample_lesion(kind, breast, recipe.difficulty, recipe.one_view_fraction, exam, rng)
        for kind, exam in kinds
    )
