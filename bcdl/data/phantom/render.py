"""From a view's key to its 8-bit picture: tissue, positioning, lesions, scanner."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from bcdl.data.phantom.anatomy import SIDES, VIEWS, Side, View
from bcdl.data.phantom.cohort import Recipe, sample_patient, sample_pose
from bcdl.data.phantom.drawing import draw_lesion
from bcdl.data.phantom.keys import ViewKey
from bcdl.data.phantom.lesions import Lesion
from bcdl.data.phantom.projection import Footprint, Frame, project
from bcdl.data.phantom.texture import white_spectrum
from bcdl.data.phantom.tissue import render_tissue

FloatArray = NDArray[np.float32]

_SHARED, _TISSUE, _NOISE = 2, 3, 4  # random streams; `cohort` has 0 and 1


def render_view(recipe: Recipe, frame: Frame, key: ViewKey) -> NDArray[np.uint8]:
    """Render one view (H, W); right breasts have their chest wall on the right edge."""
    patient = sample_patient(recipe, key.patient)
    pose = sample_pose(recipe, key.patient, key.exam, key.side, key.view)
    tissue = _healthy(recipe, frame, key.patient, key.side, key.view)
    picture: FloatArray = cv2.warpAffine(
        tissue, pose.matrix(frame), (frame.width, frame.height), borderMode=cv2.BORDER_REPLICATE
    )
    for lesion, footprint in shown_lesions(recipe, frame, key).values():
        draw_lesion(picture, lesion, footprint, frame.spacing)
    stream = _stream(recipe, key.patient, _NOISE, key.exam, key.side, key.view)
    pixels = _scan(picture, recipe, patient.machine, stream)
    return pixels if key.side == "L" else np.ascontiguousarray(pixels[:, ::-1])


def shown_lesions(recipe: Recipe, frame: Frame, key: ViewKey) -> dict[int, tuple[Lesion, Footprint]]:
    """Return the lesions that the view shows, by their number in the breast, and where they lie."""
    patient = sample_patient(recipe, key.patient)
    shown = {
        number: lesion
        for number, lesion in enumerate(patient.lesions_at(key.exam, key.side))
        if lesion is not None and key.view in lesion.views
    }
    if not shown:
        return {}
    pose = sample_pose(recipe, key.patient, key.exam, key.side, key.view)
    breast = patient.breasts[key.side]
    return {
        number: (lesion, project(lesion, breast, key.view, pose, frame)) for number, lesion in shown.items()
    }


@lru_cache(maxsize=8)
def _healthy(recipe: Recipe, frame: Frame, patient: int, side: Side, view: View) -> FloatArray:
    breast = sample_patient(recipe, patient).breasts[side]
    shared = _shared_spectrum(recipe, frame, patient, view)
    return render_tissue(breast, view, frame, shared, _stream(recipe, patient, _TISSUE, 0, side, view))


@lru_cache(maxsize=4)
def _shared_spectrum(recipe: Recipe, frame: Frame, patient: int, view: View) -> FloatArray:
    rng = np.random.default_rng([recipe.seed, patient, _SHARED, VIEWS.index(view)])
    return white_spectrum((frame.height, frame.width), rng)


def _stream(
    recipe: Recipe, patient: int, purpose: int, exam: int, side: Side, view: View
) -> np.random.Generator:
    return np.random.default_rng([recipe.seed, patient, purpose, exam, SIDES.index(side), VIEWS.index(view)])


def _scan(picture: FloatArray, recipe: Recipe, machine: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur by the detector, add signal-dependent quantum noise, and apply the machine's tone curve."""
    level = (0.024 + 0.004 * (machine % 3)) * recipe.noise
    exponent = (1.0 + 0.06 * (machine % 4)) * recipe.tone
    sharp: FloatArray = np.clip(cv2.GaussianBlur(picture, (3, 3), 0.55), 0.0, None)
    noise = rng.standard_normal(sharp.shape, dtype=np.float32)
    noise *= np.float32(level) * np.sqrt(sharp + np.float32(0.002))
    toned = np.clip(sharp + noise, 0.0, 1.0) ** np.float32(exponent)
    pixels: NDArray[np.uint8] = np.round(255.0 * toned).astype(np.uint8)
    return pixels
