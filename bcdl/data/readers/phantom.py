"""Phantom: built-in procedural screening mammography; nothing lies on disk, a path encodes the indices."""

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bcdl.data.phantom import (
    Frame,
    Recipe,
    Row,
    ViewKey,
    finding_rows,
    image_row,
    mask,
    outline,
    parse_path,
    render_view,
    shown_lesions,
    view_keys,
)
from bcdl.data.table import ExamTable, complete_findings, complete_images
from bcdl.errors import UserError
from bcdl.imaging import AS_IT_IS, Display, Picture

_VERSION = 1  # raise it with every change of the pixels or the tables: it enters the fingerprint
_SHARES = ("prevalence", "difficulty", "one_view_fraction", "benign_fraction", "summation_fraction")
_SMALLEST, _LARGEST = 32, 4096  # pixels


@dataclass(frozen=True)
class Phantom:
    """Procedural four-view screening exams (R and L, CC and MLO), rendered on demand.

    Source: this package (`bcdl.data.phantom`); deterministic by seed, patient, exam, side and view.
    Licence: Apache-2.0. Simulated pictures: for development and method studies, no evidence about patients.
    Format: 8 bit, air near 0; left breasts have the chest wall on the left edge, right ones on the right.
        A path reads `p000012/e0/L/CC`: patient 12, exam 0 (the oldest), left breast, CC; `…#1` is the mask of
        the breast's lesion 1.
    Counts: `patients` x `exams_per_patient` x 4 views; density classes A to D in shares of about 1:4:4:1.
    Classes: `benign_or_normal`, `malignant` (positive).
    Labels: by breast and exam. An image is malignant if its breast then holds a cancer that at least one of
        its two views shows, also where this very view hides it. Age, density, machine and site say nothing
        about the label.
    Findings: one row a lesion and view that shows it, with box and outline. Kinds: `circumscribed` (benign
        mass), `spiculated` (malignant mass), `calcifications` (malignant cluster), `summation` (normal tissue
        that overlaps by chance and looks like a mass, in one view of one exam; label 0).
    Splits: none ("NA"); the datamodule splits by patient.
    Time: exams lie one to two years apart, oldest first. Cancers double their diameter in 14 to 28 months and
        are neither drawn nor labelled while too small to be seen; benign masses keep their size.
    Quirks: `birads` is left empty, because it would give the label away. The first n patients are the same
        for every value of `patients`; any run of consecutive patients has nearly the prevalence.
    Paper: none; the parenchyma's power spectrum follows Burgess et al., Med Phys 28 (2001).

    Args:
        patients: number of patients.
        exams_per_patient: screening rounds of each patient.
        size: (height, width) of a view in pixels; the field of 240 x 120 mm always fits.
        prevalence: share of patients with a cancer in the newest exam.
        difficulty: 0 (lesions plain to see) to 1 (at the limit of visibility).
        one_view_fraction: share of lesions that only one of the two views shows.
        benign_fraction: share of breasts with a circumscribed mass.
        summation_fraction: share of breasts and exams with a summation artefact in one view.
        machines: number of scanners; each has its own tone curve and noise, two share a site.
        tone: exponent that bends the tone curve of all scanners further; above 1 their pictures are darker.
        noise: factor on the noise of all scanners.
        seed: seed of everything.

    Raises:
        UserError: A value is out of its range.
    """

    patients: int = 200
    exams_per_patient: int = 1
    size: tuple[int, int] = (256, 128)
    prevalence: float = 0.3
    difficulty: float = 0.5
    one_view_fraction: float = 0.25
    benign_fraction: float = 0.3
    summation_fraction: float = 0.2
    machines: int = 2
    tone: float = 1.0
    noise: float = 1.0
    seed: int = 0
    name: str = field(default="phantom", init=False)
    classes: tuple[str, ...] = field(default=("benign_or_normal", "malignant"), init=False)
    positive: str = field(default="malignant", init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", tuple(self.size))  # a list, when it comes from YAML
        for name in ("patients", "exams_per_patient", "machines"):
            if getattr(self, name) < 1:
                raise UserError(f"phantom: expected {name} of 1 or more, found {getattr(self, name)}")
        if self.tone <= 0 or self.noise < 0:
            raise UserError(
                f"phantom: expected tone above 0 and noise of 0 or more, found {self.tone} and {self.noise}"
            )
        if self.seed < 0:
            raise UserError(f"phantom: expected a seed of 0 or more, found {self.seed}")
        for name in _SHARES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UserError(f"phantom: expected {name} between 0 and 1, found {getattr(self, name)}")
        if len(self.size) != 2 or not all(_SMALLEST <= side <= _LARGEST for side in self.size):
            raise UserError(
                f"phantom: expected size as (height, width) of {_SMALLEST} to {_LARGEST} pixels each, "
                f"found {self.size}"
            )

    def read(self) -> ExamTable:
        """Return images and findings of the whole cohort; renders no pixel."""
        images: list[Row] = []
        findings: list[Row] = []
        for key in view_keys(self.patients, self.exams_per_patient):
            images.append(image_row(self._recipe, self._frame, key))
            findings.extend(finding_rows(self._recipe, self._frame, key))
        return ExamTable(
            images=complete_images(pd.DataFrame(images)),
            findings=complete_findings(pd.DataFrame(findings) if findings else None),
            classes=self.classes,
            positive=self.positive,
        )

    def load(self, path: str, frame: int = 0, display: Display = AS_IT_IS) -> Picture:
        """Render the view that `path` names; every path has the one `frame` 0.

        Raises:
            UserError: `path` names no view of this cohort.
        """
        key, _ = self._parse(path)
        pixels = render_view(self._recipe, self._frame, key)
        return Picture(pixels, self._frame.spacing, key.side)

    def load_mask(self, mask_path: str) -> NDArray[np.bool_]:
        """Return the filled outline (H, W) of the lesion that `mask_path` names, such as `p000012/e0/L/CC#0`.

        Raises:
            UserError: `mask_path` names no lesion that the view shows.
        """
        key, number = self._parse(mask_path)
        lesions = shown_lesions(self._recipe, self._frame, key)
        if number not in lesions:
            there = ", ".join(f"#{n}" for n in lesions) or "none"
            raise UserError(
                f"phantom: expected the mask of a lesion that the view shows ({there}), "
                f"found '{mask_path}'; take mask_path from the findings table"
            )
        return mask(outline(lesions[number][1], self._frame, key.side), self._frame)

    def state(self, path: str) -> str:
        """Return the generator's version."""
        return str(_VERSION)

    def unlisted(self, table: ExamTable) -> list[str]:
        """Return nothing: there are no files."""
        return []

    def fingerprint(self) -> str:
        """Return a hash of the generator's version and of every argument but the number of patients."""
        return hashlib.sha256(f"{_VERSION} {replace(self, patients=1)!r}".encode()).hexdigest()

    @property
    def _recipe(self) -> Recipe:
        return Recipe(
            exams_per_patient=self.exams_per_patient,
            prevalence=self.prevalence,
            difficulty=self.difficulty,
            one_view_fraction=self.one_view_fraction,
            benign_fraction=self.benign_fraction,
            summation_fraction=self.summation_fraction,
            machines=self.machines,
            seed=self.seed,
            tone=self.tone,
            noise=self.noise,
        )

    @property
    def _frame(self) -> Frame:
        return Frame(*self.size)

    def _parse(self, path: str) -> tuple[ViewKey, int | None]:
        key, number = parse_path(path)
        if key.patient >= self.patients or key.exam >= self.exams_per_patient:
            raise UserError(
                f"phantom: expected one of {self.patients} patients and {self.exams_per_patient} exams each "
                f"(numbered from 0), found '{path}'; take the path from the tables"
            )
        return key, number
